package dictionary

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Identifiers reach SQL and object keys, so their alphabet is closed here.
var (
	tableName  = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,127}$`)
	columnName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,127}$`)
)

// faults collects every fault of one dictionary, each prefixed with where it is.
type faults struct{ all []error }

func (f *faults) add(where, format string, args ...any) {
	f.all = append(f.all, fmt.Errorf("%s: %w", where, fmt.Errorf(format, args...)))
}

func (d *Dictionary) validate() error {
	var f faults
	if d.Version == "" {
		f.add("version", "is missing")
	}
	if len(d.Tables) == 0 {
		f.add("tables", "is empty")
	}
	seen := map[string]bool{}
	for i := range d.Tables {
		t := &d.Tables[i]
		if seen[t.Name] {
			f.add(t.Name, "is listed twice")
		}
		seen[t.Name] = true
		d.validateTable(t, &f)
	}
	return errors.Join(f.all...)
}

func (d *Dictionary) validateTable(t *Table, f *faults) {
	if !tableName.MatchString(t.Name) {
		f.add(fmt.Sprintf("table %q", t.Name), "name must be upper case letters, digits and underscores")
	}
	validateDefinition(t.Name, t.Definition, f)
	t.validateColumns(f)
	t.validateKey(f)
	t.validateSplit(f)
	d.validateScope(t, f)
}

func validateDefinition(where, text string, f *faults) {
	if strings.TrimSpace(text) == "" || strings.ContainsAny(text, "\r\n") {
		f.add(where, "definition must be one line")
	}
}

func (t *Table) validateColumns(f *faults) {
	if len(t.Columns) == 0 {
		f.add(t.Name, "has no columns")
	}
	seen := map[string]bool{}
	for i := range t.Columns {
		c := &t.Columns[i]
		where := t.Name + "." + c.Name
		if !columnName.MatchString(c.Name) {
			f.add(where, "column name must be lower case letters, digits and underscores, starting with a letter")
		}
		if seen[c.Name] {
			f.add(where, "is listed twice")
		}
		seen[c.Name] = true
		if c.Type.Kind == "" {
			f.add(where, "type is missing")
		}
		validateDefinition(where, c.Definition, f)
	}
}

func (t *Table) validateKey(f *faults) {
	if len(t.PrimaryKey) == 0 {
		f.add(t.Name, "primary_key is missing")
	}
	seen := map[string]bool{}
	for _, name := range t.PrimaryKey {
		where := t.Name + ".primary_key." + name
		if seen[name] {
			f.add(where, "is listed twice")
		}
		seen[name] = true
		c, ok := t.Column(name)
		switch {
		case !ok:
			f.add(where, "%w", ErrUnknownColumn)
		case c.Nullable || c.Personal:
			f.add(where, "a key column must be neither nullable nor personal")
		case c.Type.Kind.Semistructured() || c.Type.Kind == KindFloat:
			f.add(where, "type %s cannot be a key", c.Type)
		}
	}
}

func (t *Table) validateSplit(f *faults) {
	if t.Split == "" {
		return
	}
	c, ok := t.Column(t.Split)
	switch {
	case !ok:
		f.add(t.Name+".split", "%w %s", ErrUnknownColumn, t.Split)
	case c.Type.Kind != KindDate:
		f.add(t.Name+".split", "%s is %s, must be DATE", t.Split, c.Type)
	}
}

func (d *Dictionary) validateScope(t *Table, f *faults) {
	where := t.Name + ".scope"
	switch {
	case t.Scope.forms() > 1:
		f.add(where, "must have exactly one form: shared, brand and location, or parent")
	case t.Scope.direct():
		t.validateScopeColumn(where+".brand", t.Scope.Brand, f)
		t.validateScopeColumn(where+".location", t.Scope.Location, f)
	case t.Scope.Parent != nil:
		d.validateParent(t, f)
	case !t.Scope.Shared:
		f.add(where, "%w: write shared: true, brand and location, or parent", ErrNoScopeRule)
	}
}

func (t *Table) validateScopeColumn(where, name string, f *faults) {
	c, ok := t.Column(name)
	switch {
	case !ok:
		f.add(where, "%w %q", ErrUnknownColumn, name)
	case c.Type.Kind != KindString:
		f.add(where, "%s is %s, must be STRING", name, c.Type)
	}
}

func (d *Dictionary) validateParent(t *Table, f *faults) {
	where := t.Name + ".scope.parent"
	parent, ok := d.Table(t.Scope.Parent.Table)
	if !ok {
		f.add(where, "%w %q", ErrUnknownTable, t.Scope.Parent.Table)
		return
	}
	if !parent.Scope.direct() {
		f.add(where, "%s must have brand and location columns of its own", parent.Name)
	}
	// Anything but the whole key could match several parents and so multiply rows.
	targets := slices.Sorted(maps.Values(t.Scope.Parent.Columns))
	if !slices.Equal(targets, slices.Sorted(slices.Values(parent.PrimaryKey))) {
		f.add(where, "columns must map onto the primary key of %s (%s)", parent.Name, strings.Join(parent.PrimaryKey, ", "))
	}
	for _, child := range slices.Sorted(maps.Keys(t.Scope.Parent.Columns)) {
		validateJoin(where, t, parent, child, f)
	}
}

func validateJoin(where string, t, parent *Table, child string, f *faults) {
	from, ok := t.Column(child)
	if !ok {
		f.add(where, "%w %s.%s", ErrUnknownColumn, t.Name, child)
		return
	}
	to, ok := parent.Column(t.Scope.Parent.Columns[child])
	if ok && from.Type != to.Type {
		f.add(where, "%s is %s but %s.%s is %s", child, from.Type, parent.Name, to.Name, to.Type)
	}
}
