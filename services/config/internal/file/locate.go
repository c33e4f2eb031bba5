package file

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/customer-exports/exports/pkg/fault"
)

// place is a position in the file; both count from 1, columns in characters.
type place struct{ line, column int }

func (p place) String() string { return fmt.Sprintf("line %d, column %d", p.line, p.column) }

func placeOf(node *yaml.Node) place { return place{node.Line, node.Column} }

// Locate returns a fault with line and column before each violation of a field of the file. A field that the file does
// not set is where its nearest parent is; other fields, such as the author, stay. An error without violations stays too.
func (d *Document) Locate(err error) error {
	f, ok := fault.Of(err)
	if !ok || len(f.Violations) == 0 {
		return err
	}
	located := *f
	located.Violations = make([]fault.Violation, len(f.Violations))
	for i, v := range f.Violations {
		if at, ok := d.find(v.Field); ok {
			v.Description = at.String() + ": " + v.Description
		}
		located.Violations[i] = v
	}
	return &located
}

// find walks down a path such as spec.tables[2].columns[0] as far as the file goes.
func (d *Document) find(path string) (place, bool) {
	steps := strings.FieldsFunc(path, func(c rune) bool { return c == '.' || c == '[' || c == ']' })
	if len(steps) == 0 || !d.known(steps[0]) {
		return place{}, false
	}
	node, at := d.root, placeOf(d.root)
	for _, step := range steps {
		name, value := below(node, step)
		if value == nil {
			break
		}
		if node, at = value, placeOf(name); value.Kind == yaml.ScalarNode {
			at = placeOf(value)
		}
	}
	return at, true
}

func (d *Document) known(field string) bool {
	for _, name := range fieldNames(d.Export.ProtoReflect().Descriptor()) {
		if name == field {
			return true
		}
	}
	return false
}

// below returns the node of a field or of a list's item, and the node that shows where it begins.
func below(node *yaml.Node, step string) (name, value *yaml.Node) {
	switch node.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == step {
				return node.Content[i], node.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(node.Content) {
			return node.Content[i], node.Content[i]
		}
	}
	return nil, nil
}
