package export

import (
	"fmt"
	"slices"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

func (r *Registry) checkTables(f *faults, tables []*configv1.TableSelection) {
	if len(tables) == 0 {
		f.text("spec.tables", "is empty: name at least one table of the Data Dictionary")
	}
	first := map[string]int{}
	for i, selection := range tables {
		field, name := fmt.Sprintf("spec.tables[%d]", i), selection.GetTable()
		if j, again := first[name]; again {
			f.text(field+".table", fmt.Sprintf("repeats spec.tables[%d]: name each table once", j))
			continue
		}
		first[name] = i
		table, known := r.dictionary.Table(name)
		if !known {
			f.add(fault.ReasonUnknownTable, field+".table", "unknown table %q%s", name, suggest(name, tableNames(r.dictionary)))
			continue
		}
		if checkColumns(f, field+".columns", table, selection.GetColumns()) {
			r.checkLayout(f, field, selection)
		}
	}
}

// checkColumns reports whether the selection is sound so far.
func checkColumns(f *faults, field string, table *dictionary.Table, columns []string) bool {
	before := len(f.violations)
	first := map[string]int{}
	for i, name := range columns {
		at := fmt.Sprintf("%s[%d]", field, i)
		if j, again := first[name]; again {
			f.text(at, fmt.Sprintf("repeats %s[%d]", field, j))
			continue
		}
		first[name] = i
		column, known := table.Column(name)
		switch {
		case !known:
			f.add(fault.ReasonUnknownColumn, at, "unknown column %q of %s%s", name, table.Name, suggest(name, columnNames(table)))
		case column.Personal:
			f.add(fault.ReasonPersonalColumn, at, "column %q of %s is personal and never exported", name, table.Name)
		}
	}
	for _, key := range table.PrimaryKey {
		if len(columns) > 0 && !slices.Contains(columns, key) {
			f.text(field, fmt.Sprintf("primary-key column %q of %s is missing: add it", key, table.Name))
		}
	}
	return len(f.violations) == before
}

// checkLayout asks the judge whom extractor and delivery will ask, so that what is agreed can also be read.
func (r *Registry) checkLayout(f *faults, field string, selection *configv1.TableSelection) {
	columns := selection.GetColumns()
	if len(columns) == 0 {
		columns = nil // every column that is not personal
	}
	if _, err := r.dictionary.Layout(selection.GetTable(), columns); err != nil {
		f.text(field+".table", err.Error())
	}
}

func tableNames(d *dictionary.Dictionary) []string {
	var names []string
	for _, t := range d.Tables {
		names = append(names, t.Name)
	}
	return names
}

// columnNames lists what may be selected: a personal column is never suggested.
func columnNames(t *dictionary.Table) []string {
	var names []string
	for _, c := range t.Columns {
		if !c.Personal {
			names = append(names, c.Name)
		}
	}
	return names
}
