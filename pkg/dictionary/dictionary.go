// Package dictionary owns the Data Dictionary: the tables of the ANALYTICS schema, their columns,
// keys and scope rules, as data that an operator replaces without a rebuild.
//
// It refuses what cannot be exported safely: a table without a scope rule, a personal column, a
// selection without its primary key. It reads no source and opens no bucket. Start at Load, then
// at Dictionary.Layout, the one judgement of what is read and what lands.
package dictionary

// Dictionary is one validated version of the Data Dictionary. It is read-only after Parse.
type Dictionary struct {
	// Version is the operator's own name for this state of the dictionary.
	Version string
	Tables  []Table
}

// Table is one table of the ANALYTICS schema.
type Table struct {
	// Name is upper case, as in the source. Definition is one line of prose.
	Name, Definition string
	// PrimaryKey lists lower-case column names, none of them nullable.
	PrimaryKey []string
	// Split is the DATE column that cuts the table into parts, or empty.
	Split   string
	Scope   ScopeRule
	Columns []Column
}

// Column is one column of a table.
type Column struct {
	// Name is lower case; the source spells it in upper case. Definition is one line of prose.
	Name, Definition string
	Type             Type
	// Personal columns identify a person and can never be selected.
	Nullable, Personal bool
}

// ScopeRule says how a table is narrowed to a customer's brands and locations, in exactly one form:
// shared (exported whole), direct (Brand and Location name its own columns) or through a Parent.
// The zero value is no rule: such a table cannot be exported.
type ScopeRule struct {
	Shared          bool
	Brand, Location string
	Parent          *Parent
}

// Parent names the direct table that carries the scope of a table, and how rows find it.
type Parent struct {
	Table string
	// Columns maps each child column to a column of the parent's primary key.
	Columns map[string]string
}

// Table finds a table by its upper-case name.
func (d *Dictionary) Table(name string) (*Table, bool) {
	for i := range d.Tables {
		if d.Tables[i].Name == name {
			return &d.Tables[i], true
		}
	}
	return nil, false
}

// Column finds a column by its lower-case name.
func (t *Table) Column(name string) (*Column, bool) {
	for i := range t.Columns {
		if t.Columns[i].Name == name {
			return &t.Columns[i], true
		}
	}
	return nil, false
}

// direct reports whether the rule names columns of the table itself.
func (r ScopeRule) direct() bool { return r.Brand != "" || r.Location != "" }

// forms counts the forms that the rule is written in; exactly one is valid.
func (r ScopeRule) forms() int {
	count := 0
	for _, used := range []bool{r.Shared, r.direct(), r.Parent != nil} {
		if used {
			count++
		}
	}
	return count
}
