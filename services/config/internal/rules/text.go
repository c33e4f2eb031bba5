package rules

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

var (
	id    = regexp.MustCompile(`^[a-z][a-z0-9-]{1,38}[a-z0-9]$`)
	actor = regexp.MustCompile(`^[a-z0-9][a-z0-9._+-]*(@[a-z0-9][a-z0-9.-]*)?$`)
	// inWord is the one quote that names need: Wendy's.
	inWord = regexp.MustCompile(`(\pL)'(\pL)`)
)

// maxName and maxNote are in characters.
const (
	maxName = 255
	maxNote = 1000
)

// IsID holds for ids that are safe in keys, subjects and file names alike.
func IsID(text string) bool { return id.MatchString(text) }

// IDFault says what is wrong with an id; empty means nothing.
func IDFault(text string) string {
	if IsID(text) {
		return ""
	}
	return "is not 3 to 40 lower-case letters, digits and hyphens, from a letter to a letter or digit"
}

// ActorFault says what is wrong with the name of who asks. One spelling a person, or somebody could approve their own
// request as Op@example.com.
func ActorFault(name string) string {
	if len(name) <= 200 && actor.MatchString(name) {
		return ""
	}
	return "is not a lower-case name or address such as op@example.com"
}

// NameFault checks a name that is shown, compared and quoted by others: what looks the same must be the same.
func NameFault(name string) string {
	switch {
	case name == "":
		return "is empty"
	case strings.TrimSpace(name) != name:
		return "starts or ends with a space"
	case utf8.RuneCountInString(name) > maxName:
		return fmt.Sprintf("is longer than %d characters", maxName)
	case strings.ContainsAny(inWord.ReplaceAllString(name, "$1$2"), "'\"`"):
		return "holds a quote that is not an apostrophe inside a word"
	case strings.Contains(name, ";") || strings.Contains(name, "--"):
		return "holds ; or --, which no name needs"
	case mixesScripts(name):
		return "mixes letters of several scripts in one word, which look alike and are not"
	default:
		return proseFault(name, unseen)
	}
}

// mixesScripts holds for a word such as one that begins with a Cyrillic a and goes on in Latin.
func mixesScripts(name string) bool {
	for word := range strings.FieldsFuncSeq(name, func(r rune) bool { return !unicode.IsLetter(r) }) {
		scripts := 0
		for _, script := range []*unicode.RangeTable{unicode.Latin, unicode.Cyrillic, unicode.Greek} {
			if strings.ContainsFunc(word, func(r rune) bool { return unicode.Is(script, r) }) {
				scripts++
			}
		}
		if scripts > 1 {
			return true
		}
	}
	return false
}

// LabelFault checks a name that we make up, which nothing outside has to equal: plain words are enough, so that nothing in
// it can be taken for markup, a path or a pattern.
func LabelFault(name string) string {
	first, _ := utf8.DecodeRuneInString(name)
	switch problem := NameFault(name); {
	case problem != "":
		return problem
	case !unicode.IsLetter(first) && !unicode.IsDigit(first):
		return "does not begin with a letter or a digit"
	case strings.ContainsAny(name, `{}<>$\|^~*?=`):
		return `holds one of {}<>$\|^~*?=`
	default:
		return ""
	}
}

// NoteFault checks free text, in which quotes are welcome and lines are not.
func NoteFault(note string) string {
	if strings.TrimSpace(note) == "" {
		return "is empty"
	}
	if utf8.RuneCountInString(note) > maxNote {
		return fmt.Sprintf("is longer than %d characters", maxNote)
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
