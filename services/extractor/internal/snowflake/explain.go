package snowflake

import (
	"context"
	"strings"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/fault"
)

// explain names the column for which the source refused a statement, by asking what columns the tables
// have. The source's own text may name it too, but may quote anything else. When the answer shows nothing
// wrong, or none comes, the refusal stands as it is.
func (s *Source) explain(ctx context.Context, refusal error, layouts ...*dictionary.Layout) error {
	reason := fault.ReasonOf(refusal)
	if fault.KindOf(refusal) != fault.State || reason != fault.ReasonSourceColumnMissing && reason != fault.ReasonSourceRefused {
		return refusal
	}
	var tables []string
	for _, l := range layouts {
		tables = append(tables, l.Table.Name)
		if l.Parent != nil {
			tables = append(tables, l.Parent.Name)
		}
	}
	columns, err := s.Columns(ctx, tables)
	if err != nil {
		return refusal
	}
	have := map[string]map[string]string{}
	for _, c := range columns {
		if have[c.Table] == nil {
			have[c.Table] = map[string]string{}
		}
		have[c.Table][c.Name] = c.Type
	}
	for _, l := range layouts {
		for _, u := range used(l) {
			if err := u.differs(have[u.table.Name]); err != nil {
				return err
			}
		}
	}
	return refusal
}

// differs says whether the column is missing or of another kind. A table of which nothing is known is not
// missing a column.
func (u use) differs(have map[string]string) error {
	want, known := u.table.Column(u.column)
	kind, there := have[strings.ToUpper(u.column)]
	switch {
	case !known || have == nil:
		return nil
	case !there:
		return fault.New(fault.State, fault.ReasonSourceColumnMissing, "column %s.%s is not in the source", u.table.Name, u.column)
	case word(kind) != string(want.Type.Kind):
		return fault.New(fault.State, fault.ReasonSourceTypeChanged, "column %s.%s is %s in the dictionary, but %s in the source",
			u.table.Name, u.column, want.Type, kind)
	}
	return nil
}

// use is a column that a statement names.
type use struct {
	table  *dictionary.Table
	column string
}

// used are the columns that the statements about a layout name: those that are read, and those by which
// rows are chosen.
func used(l *dictionary.Layout) []use {
	var list []use
	for _, f := range l.Fields {
		owner := l.Table
		if f.FromParent {
			owner = l.Parent
		}
		list = append(list, use{owner, f.Column.Name})
	}
	if l.Table.Split != "" {
		list = append(list, use{l.Table, l.Table.Split})
	}
	if l.Parent != nil {
		for child, key := range l.Table.Scope.Parent.Columns {
			list = append(list, use{l.Table, child}, use{l.Parent, key})
		}
	}
	return list
}

// word is a type without its digits.
func word(kind string) string {
	before, _, _ := strings.Cut(kind, "(")
	return before
}
