package scope

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/customer-exports/exports/pkg/fault"
)

// check returns a violation for each value that cannot be judged.
func check(field string, values []string) []fault.Violation {
	var faults []fault.Violation
	seen := make(map[string]int, len(values))
	for i, value := range values {
		description := wrong(value)
		if first, again := seen[value]; again && description == "" {
			description = fmt.Sprintf("repeats entry %d: remove one", first)
		}
		if description != "" {
			faults = append(faults, fault.Violation{Field: fmt.Sprintf("%s[%d]", field, i), Description: description})
			continue
		}
		seen[value] = i
	}
	return faults
}

func wrong(value string) string {
	switch {
	case value == "":
		return "is empty: name a value or remove it"
	case strings.Contains(value, "*") || value == "%":
		return "is a wildcard: there are none, list every value"
	case !utf8.ValidString(value):
		return "is not valid UTF-8"
	case strings.ContainsFunc(value, unprintable):
		return "holds a control character"
	default:
		return ""
	}
}

// unprintable also takes the line separators, which JSON writers escape differently: the digest must not depend on them.
func unprintable(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }
