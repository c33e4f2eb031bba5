package export

import (
	"fmt"

	"github.com/customer-exports/exports/pkg/fault"
)

// maxShown keeps an answer about a spoilt list of 50,000 locations within what clients accept as an error.
const maxShown = 100

// faults collects everything that is wrong with a request.
type faults struct {
	violations []fault.Violation
	reasons    []fault.Reason
}

func (f *faults) add(reason fault.Reason, field, format string, args ...any) {
	f.violations = append(f.violations, fault.Violation{Field: field, Description: fmt.Sprintf(format, args...)})
	f.reasons = append(f.reasons, reason)
}

// text adds a violation when a check of a text found something.
func (f *faults) text(field, problem string) {
	if problem != "" {
		f.add(fault.ReasonValidation, field, "%s", problem)
	}
}

// taken names the export only: who else is a customer is nobody's business.
func (f *faults) taken(b Binding) {
	f.add(fault.ReasonBucketTaken, "spec.destination.bucket", "is bound to another customer by export %s", b.ExportID)
}

// err is nil without faults. Its reason is the faults' own when all agree, and VALIDATION otherwise.
func (f *faults) err(what string) error {
	if len(f.violations) == 0 {
		return nil
	}
	reason := f.reasons[0]
	for _, other := range f.reasons {
		if other != reason {
			reason = fault.ReasonValidation
		}
	}
	err := fault.New(fault.Invalid, reason, "%q is refused for %d reason(s)", what, len(f.violations))
	err.Violations = f.violations
	if more := len(f.violations) - maxShown; more > 0 {
		err.Violations = append(f.violations[:maxShown:maxShown], fault.Violation{
			Field: f.violations[maxShown].Field, Description: fmt.Sprintf("and %d more faults from here on", more),
		})
	}
	return err
}
