package export

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// isID holds for ids that are safe in keys, subjects and file names alike.
func isID(id string) bool {
	return regexp.MustCompile(`^[a-z][a-z0-9-]{1,38}[a-z0-9]$`).MatchString(id)
}

func idFault(id string) string {
	if isID(id) {
		return ""
	}
	return "is not 3 to 40 lower-case letters, digits and hyphens, from a letter to a letter or digit"
}

// nameFault checks a name that is shown, compared and quoted by others: what looks the same must be the same.
func nameFault(name string) string {
	switch {
	case name == "":
		return "is empty"
	case strings.TrimSpace(name) != name:
		return "starts or ends with a space"
	case strings.ContainsAny(name, "'\"`"):
		return "holds a quote"
	default:
		return proseFault(name, unseen)
	}
}

// noteFault checks free text, in which quotes are welcome and lines are not.
func noteFault(note string) string {
	if strings.TrimSpace(note) == "" {
		return "is empty"
	}
	return proseFault(note, unicode.IsControl)
}

func proseFault(text string, refused func(rune) bool) string {
	switch {
	case !utf8.ValidString(text):
		return "is not valid UTF-8"
	case strings.ContainsFunc(text, refused):
		return "holds a control character or an invisible one"
	case !norm.NFC.IsNormalString(text):
		return "is not in Unicode normal form C"
	default:
		return ""
	}
}

// unseen covers control characters, line separators and those that turn or hide text.
func unseen(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) }
