package file

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

const (
	maxBytes = 4 << 20
	// maxDepth is above what the contract nests, and low enough for every walk to be a recursion.
	maxDepth = 20
	// maxPieces bounds the memory that a file takes, which is about 200 bytes for each; an export with 50,000 locations
	// that are all shared has half as many.
	maxPieces = 500_000
)

// load returns the root of the one document, or nil when something is wrong with the file as such.
func (r *reader) load(text string) *yaml.Node {
	if problem := sizeFault(text); problem != "" {
		r.add(place{1, 1}, whole, problem)
		return nil
	}
	if r.scan(text); len(r.violations) > 0 {
		return nil
	}
	loader, err := yaml.NewLoader(strings.NewReader(text), yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(maxDepth))))
	if err != nil {
		r.syntax(text, err)
		return nil
	}
	var first, second yaml.Node
	if err := loader.Load(&first); errors.Is(err, io.EOF) {
		r.add(place{1, 1}, whole, "holds no export")
		return nil
	} else if err != nil {
		r.syntax(text, err)
		return nil
	}
	if err := loader.Load(&second); err == nil {
		r.add(placeOf(&second), whole, "a second document begins: a file holds one export")
	} else if !errors.Is(err, io.EOF) {
		r.syntax(text, err)
	}
	return first.Content[0]
}

func sizeFault(text string) string {
	if len(text) > maxBytes {
		return fmt.Sprintf("holds more than %d MiB", maxBytes>>20)
	}
	pieces := 0
	for _, start := range []string{"\n", ",", "- ", "? ", "[", "{"} {
		pieces += strings.Count(text, start)
	}
	if pieces > maxPieces {
		return "holds more items than an export can have"
	}
	return ""
}

// scan refuses bytes that are no text, and characters which YAML refuses or takes for the end of a line unlike editors,
// so that a line is the same for both.
func (r *reader) scan(text string) {
	at := place{1, 1}
	for i, c := range text {
		_, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case c == utf8.RuneError && size == 1:
			r.add(at, whole, fmt.Sprintf("byte 0x%02X is not UTF-8", text[i]))
			return // what follows would be read out of step
		case c == '\ufeff' && i == 0: // a byte order mark
			continue
		case r.full():
			return
		case c != '\t' && c != '\n' && c != '\r' && !readable(c):
			r.add(at, whole, fmt.Sprintf(`%U cannot be seen: write it as "\u%04x" in double quotes`, c, c))
		}
		if at.column++; c == '\n' || c == '\r' && !strings.HasPrefix(text[i:], "\r\n") {
			at = place{at.line + 1, 1}
		}
	}
}

func readable(c rune) bool {
	return c >= ' ' && c <= '~' || !unicode.In(c, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Noncharacter_Code_Point) && c != '\ufeff'
}

// syntax adds what the YAML parser refused.
func (r *reader) syntax(text string, err error) {
	at, says := place{1, 1}, "is not YAML"
	var refused *yaml.LoadError
	if errors.As(err, &refused) {
		says += ": " + refused.Message
		if refused.Mark.Line > 0 {
			at = place{refused.Mark.Line, refused.Mark.Column}
		}
		if from := refused.ContextMark; from.Line > 0 && from.Line < at.line {
			says += ", in what begins at " + place{from.Line, from.Column}.String()
		}
	}
	if indent := indentOf(text, at.line); strings.Contains(indent, "\t") {
		says += "; the line is indented by a tab: use spaces"
	}
	r.add(at, whole, says)
}

func indentOf(text string, line int) string {
	for range line - 1 {
		_, text, _ = strings.Cut(text, "\n")
	}
	return text[:len(text)-len(strings.TrimLeft(text, " \t"))]
}
