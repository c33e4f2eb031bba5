package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/customer-exports/exports/pkg/fault"
)

// maxShown keeps an answer about a spoilt list of 50,000 locations readable; with the one that counts the others it is as
// much as pkg/rpc sends.
const maxShown = 49

// Faults collects everything that is wrong with a request. The zero value is ready.
type Faults struct {
	violations []fault.Violation
	reasons    []fault.Reason
}

// Add adds a violation with a reason of its own.
func (f *Faults) Add(reason fault.Reason, field, format string, args ...any) {
	f.violations = append(f.violations, fault.Violation{Field: field, Description: fmt.Sprintf(format, args...)})
	f.reasons = append(f.reasons, reason)
}

// Text adds a violation when a check of a text found something.
func (f *Faults) Text(field, problem string) {
	if problem != "" {
		f.Add(fault.ReasonValidation, field, "%s", problem)
	}
}

// Have reports whether something is wrong with the field or below it.
func (f *Faults) Have(field string) bool {
	return slices.ContainsFunc(f.violations, func(v fault.Violation) bool {
		rest, below := strings.CutPrefix(v.Field, field)
		return below && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}

// Err is nil without faults. Its reason is the faults' own when all agree, and VALIDATION otherwise. It is of kind Exists
// when all that is wrong is that others have it already, and Invalid otherwise.
func (f *Faults) Err(what string) error {
	if len(f.violations) == 0 {
		return nil
	}
	kind, reason := fault.Exists, f.reasons[0]
	for _, other := range f.reasons {
		if other != fault.ReasonBucketTaken && other != fault.ReasonLocationTaken {
			kind = fault.Invalid
		}
		if other != reason {
			reason = fault.ReasonValidation
		}
	}
	err := fault.New(kind, reason, "%q is refused for %d reason(s)", what, len(f.violations))
	err.Violations = f.violations
	if more := len(f.violations) - maxShown; more > 0 {
		err.Violations = append(f.violations[:maxShown:maxShown], fault.Violation{
			Field: f.violations[maxShown].Field, Description: fmt.Sprintf("and %d more faults from here on", more),
		})
	}
	return err
}
