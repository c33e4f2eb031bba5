package dictionary

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Errors of a selection, wrapped with the names concerned and the fix.
var (
	ErrUnknownTable   = errors.New("unknown table")
	ErrUnknownColumn  = errors.New("unknown column")
	ErrPersonalColumn = errors.New("personal column")
	ErrNoScopeRule    = errors.New("no scope rule")
)

// Names of the columns that are read for the scope check and never land. No dictionary column can
// collide with them: column names start with a letter.
const (
	GuardBrand    = "__guard_brand"
	GuardLocation = "__guard_location_id"
)

// Layout is what is read and what lands for one selection of columns of one table. The extractor,
// the delivery service and the SLA monitor all derive theirs from the same call.
type Layout struct {
	Table *Table
	// Parent is the table that carries the scope, nil unless the rule is by parent.
	Parent *Table
	// Fields[:Exported] land, in selection order; Fields[Exported:] are guard columns.
	Fields   []Field
	Exported int
	// BrandField and LocationField index Fields; both are -1 for a shared table.
	BrandField, LocationField int
}

// Field is one column that is read.
type Field struct {
	// Name is the lower-case name in the result; it differs from Column.Name for guard columns only.
	Name   string
	Column *Column
	// FromParent says that the column is one of Layout.Parent.
	FromParent bool
}

// Layout judges a selection of lower-case column names; nil selects every column that is not
// personal. It fails when the table or a column is unknown, when a column is personal or selected
// twice, when a primary-key column is missing, and when the table has no scope rule.
func (d *Dictionary) Layout(table string, columns []string) (*Layout, error) {
	t, ok := d.Table(table)
	if !ok {
		return nil, fmt.Errorf("%w %s: choose one of %s", ErrUnknownTable, table, strings.Join(d.names(), ", "))
	}
	if columns == nil {
		columns = t.exportable()
	}
	l := &Layout{Table: t, BrandField: -1, LocationField: -1}
	if err := errors.Join(l.selectColumns(columns), t.requireKey(columns), l.guard(d)); err != nil {
		return nil, fmt.Errorf("laying out %s: %w", t.Name, err)
	}
	return l, nil
}

func (l *Layout) selectColumns(names []string) error {
	var faults []error
	seen := map[string]bool{}
	for _, name := range names {
		column, err := l.Table.selectable(name)
		switch {
		case err != nil:
			faults = append(faults, err)
		case seen[name]:
			faults = append(faults, fmt.Errorf("column %s is selected twice: remove one", name))
		default:
			l.Fields = append(l.Fields, Field{Name: name, Column: column})
		}
		seen[name] = true
	}
	l.Exported = len(l.Fields)
	return errors.Join(faults...)
}

func (t *Table) selectable(name string) (*Column, error) {
	column, ok := t.Column(name)
	if !ok {
		return nil, fmt.Errorf("%w %s: choose from %s", ErrUnknownColumn, name, strings.Join(t.exportable(), ", "))
	}
	if column.Personal {
		return nil, fmt.Errorf("%w %s cannot be exported: remove it from the selection", ErrPersonalColumn, name)
	}
	return column, nil
}

func (t *Table) requireKey(selected []string) error {
	var faults []error
	for _, key := range t.PrimaryKey {
		if !slices.Contains(selected, key) {
			faults = append(faults, fmt.Errorf("primary-key column %s is not selected: add it", key))
		}
	}
	return errors.Join(faults...)
}

// guard finds the brand and location columns among the fields, or adds them behind the exported ones.
func (l *Layout) guard(d *Dictionary) error {
	rule := l.Table.Scope
	switch {
	case rule.forms() != 1:
		return fmt.Errorf("%w: write shared, brand and location, or parent for it in the dictionary", ErrNoScopeRule)
	case rule.Shared:
		return nil
	case rule.direct():
		return l.addGuards(l.Table, false)
	}
	parent, ok := d.Table(rule.Parent.Table)
	if !ok {
		return fmt.Errorf("parent %s: %w", rule.Parent.Table, ErrUnknownTable)
	}
	l.Parent = parent
	return l.addGuards(parent, true)
}

func (l *Layout) addGuards(owner *Table, fromParent bool) error {
	var brandErr, locationErr error
	l.BrandField, brandErr = l.guardField(owner, owner.Scope.Brand, Field{Name: GuardBrand, FromParent: fromParent})
	l.LocationField, locationErr = l.guardField(owner, owner.Scope.Location, Field{Name: GuardLocation, FromParent: fromParent})
	return errors.Join(brandErr, locationErr)
}

// guardField returns the index of the field that carries a scope column, adding one when needed. A
// parent's column is always added: a like-named column of the child proves nothing about the parent.
func (l *Layout) guardField(owner *Table, name string, field Field) (int, error) {
	column, ok := owner.Column(name)
	if !ok {
		return -1, fmt.Errorf("scope rule of %s: %w %q", owner.Name, ErrUnknownColumn, name)
	}
	if !field.FromParent {
		if i := slices.IndexFunc(l.Fields, func(f Field) bool { return f.Name == name }); i >= 0 {
			return i, nil
		}
	}
	field.Column = column
	l.Fields = append(l.Fields, field)
	return len(l.Fields) - 1, nil
}

// exportable lists the columns that may be selected, in dictionary order.
func (t *Table) exportable() []string {
	var names []string
	for _, c := range t.Columns {
		if !c.Personal {
			names = append(names, c.Name)
		}
	}
	return names
}

func (d *Dictionary) names() []string {
	names := make([]string, 0, len(d.Tables))
	for _, t := range d.Tables {
		names = append(names, t.Name)
	}
	return names
}
