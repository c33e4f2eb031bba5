// Package file owns the YAML in which an operator keeps an export in git. It refuses what a reader could take for
// something else (unknown and repeated keys, aliases, tags, empty values, a second document) with every fault named at
// once by line and column; whether the export can be agreed is internal/export's to say. Start with Parse and Format.
package file

import (
	"go.yaml.in/yaml/v4"

	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

const (
	// whole names the file as such in a violation: it is the field that brings the file.
	whole = "yaml"
	// maxShown keeps an answer about a spoilt file readable, and within what clients accept as an error.
	maxShown = 50
	// maxQuoted is how many characters of the file's own text a violation repeats.
	maxQuoted = 40
)

// Document is a file that was read.
type Document struct {
	// Export is what the file says; nothing is filled in.
	Export *configv1.ExportFile
	root   *yaml.Node
}

// Parse reads the one export of a file. Its error is a fault of kind Invalid whose violations name the field, or "yaml",
// and begin with line and column.
func Parse(text string) (*Document, error) {
	r := &reader{}
	d := &Document{Export: &configv1.ExportFile{}, root: r.load(text)}
	if d.root != nil {
		r.message("", d.root, d.Export.ProtoReflect())
	}
	if len(r.violations) == 0 {
		return d, nil
	}
	err := fault.New(fault.Invalid, fault.ReasonValidation, "the file is not an export")
	err.Violations = r.violations
	return nil, err
}

// reader collects everything that is wrong with a file while it reads it.
type reader struct{ violations []fault.Violation }

// full holds when nothing more would be shown, and reading on is in vain.
func (r *reader) full() bool { return len(r.violations) == maxShown }

func (r *reader) add(at place, field, description string) {
	if r.full() {
		return
	}
	if len(r.violations) == maxShown-1 {
		description = "more is wrong from here on"
	}
	if field == "" {
		field = whole
	}
	r.violations = append(r.violations, fault.Violation{Field: field, Description: at.String() + ": " + description})
}
