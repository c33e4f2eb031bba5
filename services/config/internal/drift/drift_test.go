package drift_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	sourcev1 "github.com/customer-exports/exports/proto/exports/source/v1"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/services/config/internal/drift"
)

// faithful is a source that has exactly what the standard dictionary says.
func faithful() []*sourcev1.SourceTable {
	var tables []*sourcev1.SourceTable
	for _, t := range dictionary.Standard().Tables {
		found := &sourcev1.SourceTable{Table: t.Name}
		for _, c := range t.Columns {
			found.Columns = append(found.Columns, &sourcev1.SourceColumn{Column: c.Name, Type: c.Type.String(), Nullable: c.Nullable})
		}
		tables = append(tables, found)
	}
	return tables
}

func TestDigitsOfATimeMayBeUnsaid(t *testing.T) {
	source := faithful()
	for _, table := range source {
		for _, column := range table.Columns {
			if kind, _, _ := strings.Cut(column.Type, "("); strings.HasPrefix(kind, "TIME") {
				column.Type = kind
			}
		}
	}
	if checks := drift.Check(dictionary.Standard().Tables, source); !drift.Agrees(checks) {
		t.Errorf("checks = %v, want all to agree", checks)
	}
}

func TestCheck(t *testing.T) {
	clean := func() *configv1.TableCheck { return &configv1.TableCheck{Table: "DIM_DATES"} }
	for name, test := range map[string]struct {
		change func(*sourcev1.SourceTable)
		want   func(*configv1.TableCheck)
		agrees bool
	}{
		"faithful":    {func(*sourcev1.SourceTable) {}, func(*configv1.TableCheck) {}, true},
		"table gone":  {func(s *sourcev1.SourceTable) { s.Table = "DIM_DATES_2" }, func(c *configv1.TableCheck) { c.Missing = true }, false},
		"column gone": {func(s *sourcev1.SourceTable) { s.Columns = s.Columns[1:] }, func(c *configv1.TableCheck) { c.MissingColumns = []string{"date_id"} }, false},
		"new column": {
			func(s *sourcev1.SourceTable) {
				s.Columns = append(s.Columns, &sourcev1.SourceColumn{Column: "fiscal_year", Type: "NUMBER(4,0)"})
			},
			func(c *configv1.TableCheck) { c.NewColumns = []string{"fiscal_year"} }, true,
		},
		"re-typed": {
			func(s *sourcev1.SourceTable) { s.Columns[1].Type = "NUMBER(5,0)" },
			func(c *configv1.TableCheck) {
				c.RetypedColumns = []*configv1.RetypedColumn{{Column: "year", DictionaryType: "NUMBER(4,0)", SourceType: "NUMBER(5,0)"}}
			}, false,
		},
		"null allowed": {func(s *sourcev1.SourceTable) { s.Columns[1].Nullable = true }, func(c *configv1.TableCheck) { c.NullableColumns = []string{"year"} }, true},
		"null refused": {func(s *sourcev1.SourceTable) { s.Columns[11].Nullable = false }, func(*configv1.TableCheck) {}, true},
	} {
		t.Run(name, func(t *testing.T) {
			source, want := faithful(), clean()
			test.change(source[0])
			test.want(want)
			got := drift.Check(dictionary.Standard().Tables, source)
			if diff := cmp.Diff(want, got[0], protocmp.Transform()); diff != "" {
				t.Errorf("check of DIM_DATES (-want +got):\n%s", diff)
			}
			if len(got) != len(source) || drift.Agrees(got) != test.agrees || !drift.Agrees(got[1:]) {
				t.Errorf("%d checks, agree: %t, want %d and %t", len(got), drift.Agrees(got), len(source), test.agrees)
			}
		})
	}
}
