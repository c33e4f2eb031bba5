package statement_test

import (
	"strings"
	"testing"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/services/extractor/internal/statement"
)

func names(t *testing.T, brands, locations []string) statement.Statement {
	t.Helper()
	table, ok := dictionary.Standard().Table("DIM_LOCATIONS")
	if !ok {
		t.Fatal("no table of locations")
	}
	got, err := builder(t).Names(table, brands, locations)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestNames(t *testing.T) {
	golden(t, "names", names(t, []string{"Bella Pizza", `Joe's "Diner"`}, []string{"LOC-0002", "LOC-0001"}))
}

func TestColumns(t *testing.T) {
	golden(t, "columns", builder(t).Columns([]string{"FACT_REVIEWS", "DIM_DATES"}))
}

func TestHistories(t *testing.T) {
	golden(t, "histories", builder(t).Histories([]string{"FACT_REVIEWS", "DIM_DATES"}))
}

// Columns and tables of the location dimension are the dictionary's.
func TestNamesOfAnotherDictionary(t *testing.T) {
	table := &dictionary.Table{Name: "SITES", Scope: dictionary.ScopeRule{Brand: "chain", Location: "site"}}
	got, err := builder(t).Names(table, []string{"a"}, []string{"b"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"FROM EXPORTS.ANALYTICS.SITES AS t", "t.CHAIN IN (", "t.SITE AS NAME"} {
		if !strings.Contains(got.SQL, want) {
			t.Errorf("%q is not in:\n%s", want, got.SQL)
		}
	}
}

// Whatever the names are, the text is the same: they are values and nothing else.
func TestNamesAreBound(t *testing.T) {
	plain := names(t, []string{"a"}, []string{"b"})
	hostile := names(t, []string{`'; DROP TABLE X; --`, `\`, `?`, `🍕`}, []string{`x') OR 1=1 --`, strings.Repeat("é", 255), `"]`})
	if plain.SQL != hostile.SQL || len(hostile.Args) != 2 {
		t.Errorf("the text depends on the names, or %d are not 2 binds:\n%s", len(hostile.Args), hostile.SQL)
	}
	if marks := strings.Count(plain.SQL, "?"); marks != len(plain.Args) {
		t.Errorf("%d question marks for %d binds", marks, len(plain.Args))
	}
	columns := builder(t).Columns([]string{"A'B", "?", "C"})
	if marks := strings.Count(columns.SQL, "?"); marks != len(columns.Args) || marks != 4 || strings.Contains(columns.SQL, "A'B") {
		t.Errorf("%d question marks for %d binds in:\n%s", marks, len(columns.Args), columns.SQL)
	}
}
