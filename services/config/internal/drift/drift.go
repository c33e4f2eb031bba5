// Package drift compares the Data Dictionary with what the source has. It refuses to call a table fit to export when a
// column is missing or of another type; what the source has beyond the dictionary is reported and never exported. It is
// pure. Start at Check.
package drift

import (
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	sourcev1 "github.com/customer-exports/exports/proto/exports/source/v1"

	"github.com/customer-exports/exports/pkg/dictionary"
)

// Check compares each table with the source's table of that name, in order.
func Check(tables []dictionary.Table, found []*sourcev1.SourceTable) []*configv1.TableCheck {
	byName := map[string]*sourcev1.SourceTable{}
	for _, t := range found {
		byName[t.GetTable()] = t
	}
	checks := make([]*configv1.TableCheck, len(tables))
	for i := range tables {
		checks[i] = table(&tables[i], byName[tables[i].Name])
	}
	return checks
}

// Agrees says that every table can be exported as the dictionary says.
func Agrees(checks []*configv1.TableCheck) bool {
	for _, c := range checks {
		if c.GetMissing() || len(c.GetMissingColumns()) > 0 || len(c.GetRetypedColumns()) > 0 {
			return false
		}
	}
	return true
}

func table(wanted *dictionary.Table, found *sourcev1.SourceTable) *configv1.TableCheck {
	check := &configv1.TableCheck{Table: wanted.Name, Missing: found == nil}
	if found == nil {
		return check
	}
	byName := map[string]*sourcev1.SourceColumn{}
	for _, c := range found.GetColumns() {
		byName[c.GetColumn()] = c
		if _, known := wanted.Column(c.GetColumn()); !known {
			check.NewColumns = append(check.NewColumns, c.GetColumn())
		}
	}
	for i := range wanted.Columns {
		column(check, &wanted.Columns[i], byName[wanted.Columns[i].Name])
	}
	return check
}

func column(check *configv1.TableCheck, wanted *dictionary.Column, found *sourcev1.SourceColumn) {
	switch {
	case found == nil:
		check.MissingColumns = append(check.MissingColumns, wanted.Name)
	case !same(wanted.Type, found.GetType()):
		check.RetypedColumns = append(check.RetypedColumns, &configv1.RetypedColumn{
			Column: wanted.Name, DictionaryType: wanted.Type.String(), SourceType: found.GetType(),
		})
	case found.GetNullable() && !wanted.Nullable:
		check.NullableColumns = append(check.NullableColumns, wanted.Name)
	}
}

// same compares a type with the source's word for it. A source may leave the fraction digits of a time unsaid; what is finer
// than they allow is then found by the reader.
func same(wanted dictionary.Type, found string) bool {
	timed := wanted.Kind == dictionary.KindTime || wanted.Kind.Timestamp()
	return found == wanted.String() || timed && found == string(wanted.Kind)
}
