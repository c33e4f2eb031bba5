// Package lookup answers what the config service must know of the source before an operator's word is
// stored: which names of a scope do not fit, and which columns the tables have.
//
// It gives out names and never rows, in the order of the question, and refuses a scope when the Data
// Dictionary does not say where locations are. Start at Directory.
package lookup

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/fault"
)

// Source knows what exists now. Its errors are faults; none carries text of the source.
type Source interface {
	// Names finds, of the names given, those that a table with a scope rule of its own has. No name is
	// given twice.
	Names(ctx context.Context, table *dictionary.Table, brands, locations []string) (Found, error)
	// Columns lists the columns of tables, in the order in which each table has them.
	Columns(ctx context.Context, tables []string) ([]Column, error)
	// Earliest returns the first instant at which all of the tables can be read, for a while to come.
	Earliest(ctx context.Context, tables []string) (time.Time, error)
}

// Found is the names that exist, byte for byte.
type Found struct {
	Brands, Locations map[string]bool
	// Own is the locations that one of the brands has.
	Own map[string]bool
}

// Column is a column as the source has it. Names are in the source's spelling, Type in the Data
// Dictionary's unless it has no word for it.
type Column struct {
	Table, Name, Type string
	Nullable          bool
}

// Misfits are the names of a scope that do not fit, in the order of the question.
type Misfits struct {
	// UnknownBrands and UnknownLocations do not exist. ForeignLocations do, but none of the brands has
	// them.
	UnknownBrands, UnknownLocations, ForeignLocations []string
}

// Table is a table that the source has.
type Table struct {
	Name string
	// Columns have lower-case names, as in the dictionary.
	Columns []Column
}

// Directory answers questions about names. It is safe for concurrent use.
type Directory struct {
	words  *dictionary.Dictionary
	source Source
}

// New returns a directory of what the source has of the dictionary.
func New(words *dictionary.Dictionary, source Source) *Directory {
	return &Directory{words: words, source: source}
}

// Scope says which names do not fit. A name that is given twice is judged once.
func (d *Directory) Scope(ctx context.Context, brands, locations []string) (Misfits, error) {
	table, ok := locationTable(d.words)
	if !ok {
		return Misfits{}, fault.New(fault.State, fault.ReasonUnknownTable,
			"the Data Dictionary has no location table: one whose primary key is the location column of its own scope rule")
	}
	brands, locations = distinct(brands), distinct(locations)
	found, err := d.source.Names(ctx, table, brands, locations)
	if err != nil {
		return Misfits{}, err
	}
	return Misfits{
		UnknownBrands:    those(brands, func(brand string) bool { return !found.Brands[brand] }),
		UnknownLocations: those(locations, func(id string) bool { return !found.Locations[id] }),
		ForeignLocations: those(locations, func(id string) bool { return found.Locations[id] && !found.Own[id] }),
	}, nil
}

// locationTable finds the dimension that says which locations there are. Of all tables that carry brand
// and location it is the one whose rows are the locations: its primary key is exactly the location
// column of its scope rule. Should several be, the first in the dictionary counts.
func locationTable(d *dictionary.Dictionary) (*dictionary.Table, bool) {
	for i := range d.Tables {
		table := &d.Tables[i]
		rule := table.Scope
		if rule.Brand != "" && rule.Location != "" && slices.Equal(table.PrimaryKey, []string{rule.Location}) {
			return table, true
		}
	}
	return nil, false
}

// Tables returns the tables that the source has of those named, or of the whole dictionary when none
// is, each once.
func (d *Directory) Tables(ctx context.Context, names []string) ([]Table, error) {
	if len(names) == 0 {
		for i := range d.words.Tables {
			names = append(names, d.words.Tables[i].Name)
		}
	}
	if names = distinct(names); len(names) == 0 {
		return nil, nil
	}
	columns, err := d.source.Columns(ctx, names)
	if err != nil {
		return nil, err
	}
	byTable := map[string][]Column{}
	for _, column := range columns {
		byTable[column.Table] = append(byTable[column.Table], column)
	}
	var tables []Table
	for _, name := range names {
		if has := byTable[name]; len(has) > 0 {
			tables = append(tables, Table{Name: name, Columns: nameable(has)})
		}
	}
	return tables, nil
}

// Earliest returns the first instant at which a run of the tables could be read. A table whose scope
// is another's is read together with that one. Invalid UNKNOWN_TABLE for a table that the dictionary
// does not have.
func (d *Directory) Earliest(ctx context.Context, names []string) (time.Time, error) {
	read := make([]string, 0, len(names))
	for _, name := range names {
		table, found := d.words.Table(name)
		if !found {
			return time.Time{}, fault.New(fault.Invalid, fault.ReasonUnknownTable, "the Data Dictionary has no table %s", name)
		}
		if read = append(read, name); table.Scope.Parent != nil {
			read = append(read, table.Scope.Parent.Table)
		}
	}
	return d.source.Earliest(ctx, distinct(read))
}

// nameable spells names as the dictionary does. A name that is not upper case was quoted when it was
// made: no name of the dictionary means it, and in lower case it would pass for another column.
func nameable(columns []Column) []Column {
	var list []Column
	for _, column := range columns {
		if column.Name == strings.ToUpper(column.Name) {
			column.Name = strings.ToLower(column.Name)
			list = append(list, column)
		}
	}
	return list
}

func distinct(names []string) []string {
	seen := make(map[string]bool, len(names))
	list := make([]string, 0, len(names))
	for _, name := range names {
		if !seen[name] {
			seen[name] = true
			list = append(list, name)
		}
	}
	return list
}

// those keeps the names that pass, in order.
func those(names []string, pass func(string) bool) []string {
	var list []string
	for _, name := range names {
		if pass(name) {
			list = append(list, name)
		}
	}
	return list
}
