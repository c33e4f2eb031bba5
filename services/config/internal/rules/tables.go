package rules

import (
	"fmt"
	"slices"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/nearest"
)

// maxTables is the bound of exports.config.v1.ExportSpec.tables.
const maxTables = 200

func checkTables(f *Faults, tables []*configv1.TableSelection, words *dictionary.Dictionary) {
	if len(tables) == 0 {
		f.Text("spec.tables", "is empty: name at least one table of the Data Dictionary")
	}
	if len(tables) > maxTables {
		f.Text("spec.tables", fmt.Sprintf("lists %d, more than %d", len(tables), maxTables))
		return
	}
	first := map[string]int{}
	for i, selection := range tables {
		field, name := fmt.Sprintf("spec.tables[%d]", i), selection.GetTable()
		if j, again := first[name]; again {
			f.Text(field+".table", fmt.Sprintf("repeats spec.tables[%d]: name each table once", j))
			continue
		}
		first[name] = i
		table, known := words.Table(name)
		if !known {
			f.Add(fault.ReasonUnknownTable, field+".table", "unknown table %q%s", name, suggest(name, tableNames(words)))
			continue
		}
		if checkColumns(f, field+".columns", table, selection.GetColumns()) {
			checkLayout(f, field, selection, words)
		}
	}
}

// checkColumns reports whether the selection is sound so far.
func checkColumns(f *Faults, field string, table *dictionary.Table, columns []string) bool {
	before := len(f.violations)
	first := map[string]int{}
	for i, name := range columns {
		at := fmt.Sprintf("%s[%d]", field, i)
		if j, again := first[name]; again {
			f.Text(at, fmt.Sprintf("repeats %s[%d]", field, j))
			continue
		}
		first[name] = i
		column, known := table.Column(name)
		switch {
		case !known:
			f.Add(fault.ReasonUnknownColumn, at, "unknown column %q of %s%s", name, table.Name, suggest(name, columnNames(table)))
		case column.Personal:
			f.Add(fault.ReasonPersonalColumn, at, "column %q of %s is personal and never exported", name, table.Name)
		}
	}
	for _, key := range table.PrimaryKey {
		if len(columns) > 0 && !slices.Contains(columns, key) {
			f.Text(field, fmt.Sprintf("primary-key column %q of %s is missing: add it", key, table.Name))
		}
	}
	return len(f.violations) == before
}

// checkLayout asks the judge whom extractor and delivery will ask, so that what is agreed can also be read.
func checkLayout(f *Faults, field string, selection *configv1.TableSelection, words *dictionary.Dictionary) {
	columns := selection.GetColumns()
	if len(columns) == 0 {
		columns = nil // every column that is not personal
	}
	if _, err := words.Layout(selection.GetTable(), columns); err != nil {
		f.Text(field+".table", err.Error())
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

// suggest ends a message with the known name that was most likely meant, or with nothing.
func suggest(name string, known []string) string {
	if best := nearest.Name(name, known); best != "" {
		return fmt.Sprintf(": did you mean %s?", best)
	}
	return ""
}
