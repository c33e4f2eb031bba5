package diff

import (
	"bytes"
	"fmt"

	"github.com/rogpeppe/go-internal/diff"
)

// maxUnified bounds a unified diff in bytes, so that an answer with 50,000 other locations still fits a message.
const maxUnified = 1 << 20

// Unified returns the unified diff of two texts with three lines of context, or "" when they are equal. It takes time
// near linear in the lines. A diff above 1 MiB is cut behind a line, and its last line says so.
func Unified(before, after, fromName, toName string) string {
	all := diff.Diff(fromName, []byte(before), toName, []byte(after))
	_, text, _ := bytes.Cut(all, []byte("\n")) // the first line is the command that git would print
	if len(text) <= maxUnified {
		return string(text)
	}
	end := bytes.LastIndexByte(text[:maxUnified], '\n') + 1
	return fmt.Sprintf("%s\\ %d more lines\n", text[:end], bytes.Count(text[end:], []byte("\n")))
}
