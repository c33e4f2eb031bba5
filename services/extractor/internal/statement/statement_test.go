package statement_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/scope"
	"github.com/customer-exports/exports/services/extractor/internal/source"
	"github.com/customer-exports/exports/services/extractor/internal/statement"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var asOf = time.Date(2026, 11, 23, 23, 59, 0, 0, time.UTC)

func layout(t *testing.T, table string, columns ...string) *dictionary.Layout {
	t.Helper()
	l, err := dictionary.Standard().Layout(table, columns)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func builder(t *testing.T) statement.Builder {
	t.Helper()
	b, err := statement.New("EXPORTS", "ANALYTICS")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func customer(t *testing.T) *scope.Set {
	t.Helper()
	set, err := scope.New([]string{"Bella Pizza", `Joe's "Diner"`}, []string{"LOC-0002", "LOC-0001"})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func golden(t *testing.T, name string, got statement.Statement) {
	t.Helper()
	path := filepath.Join("testdata", name+".sql")
	text := got.SQL + "\n-- binds: " + strings.Join(got.Args, " | ") + "\n"
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("statement differs from %s (-want +got):\n%s", path, diff)
	}
}

func TestExtract(t *testing.T) {
	for name, part := range map[string]source.Part{
		"extract_direct": {Layout: layout(t, "FACT_REVIEWS", "review_id", "location_id", "brand", "rating")},
		"extract_guarded": {
			Layout: layout(t, "FACT_REVIEWS", "review_id", "rating"),
			Range:  &source.Range{From: "2026-01-01", Until: "2026-02-01", WithNull: true},
		},
		"extract_parent": {
			Layout: layout(t, "FACT_TRANSACTION_ITEMS", "item_id", "transaction_id", "payload"),
			Range:  &source.Range{Until: "2026-02-01", WithNull: true},
		},
		"extract_shared": {Layout: layout(t, "DIM_DATES", "date_id", "is_weekend")},
	} {
		t.Run(name, func(t *testing.T) {
			part.Scope, part.AsOf = customer(t), asOf
			got, err := builder(t).Extract(part)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name, got)
		})
	}
}

func TestMeasure(t *testing.T) {
	for name, tables := range map[string][]string{
		"measure_mixed":  {"DIM_DATES", "DIM_LOCATIONS", "FACT_REVIEWS", "FACT_TRANSACTION_ITEMS"},
		"measure_shared": {"DIM_DATES"},
	} {
		t.Run(name, func(t *testing.T) {
			survey := source.Survey{Scope: customer(t), AsOf: asOf}
			for _, table := range tables {
				survey.Layouts = append(survey.Layouts, layout(t, table))
			}
			got, err := builder(t).Measure(survey)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name, got)
		})
	}
}

// The parts of a table are disjoint and together cover it, so each form must mean what it says.
func TestRange(t *testing.T) {
	const column = "t.CREATED_AT_DATE"
	for name, test := range map[string]struct {
		within *source.Range
		want   string
		args   []string
	}{
		"whole table":      {nil, "", nil},
		"unbounded":        {&source.Range{WithNull: true}, "", nil},
		"unbounded, dated": {&source.Range{}, " AND (" + column + " IS NOT NULL)", nil},
		"from":             {&source.Range{From: "2026-01-01"}, " AND (" + column + " >= ?::DATE)", []string{"2026-01-01"}},
		"until":            {&source.Range{Until: "2026-01-01"}, " AND (" + column + " < ?::DATE)", []string{"2026-01-01"}},
		"until, undated": {
			&source.Range{Until: "2026-01-01", WithNull: true},
			" AND (" + column + " < ?::DATE OR " + column + " IS NULL)",
			[]string{"2026-01-01"},
		},
		"both": {
			&source.Range{From: "2026-01-01", Until: "2026-01-02"},
			" AND (" + column + " >= ?::DATE AND " + column + " < ?::DATE)",
			[]string{"2026-01-01", "2026-01-02"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			part := source.Part{Layout: layout(t, "FACT_REVIEWS", "review_id"), Scope: customer(t), AsOf: asOf, Range: test.within}
			got, err := builder(t).Extract(part)
			if err != nil {
				t.Fatal(err)
			}
			_, after, _ := strings.Cut(got.SQL, "IN (SELECT location_id FROM scope_locations)")
			if after != test.want {
				t.Errorf("condition is %q, want %q", after, test.want)
			}
			if diff := cmp.Diff(test.args, got.Args[2:], cmp.Transformer("list", func(l []string) string { return strings.Join(l, ",") })); diff != "" {
				t.Errorf("binds differ (-want +got):\n%s", diff)
			}
			if marks := strings.Count(got.SQL, "?"); marks != len(got.Args) {
				t.Errorf("%d question marks for %d binds", marks, len(got.Args))
			}
		})
	}
}

func TestRefused(t *testing.T) {
	reviews := layout(t, "FACT_REVIEWS", "review_id")
	ruleless := *reviews
	table := *reviews.Table
	table.Scope = dictionary.ScopeRule{}
	ruleless.Table = &table
	for name, test := range map[string]struct {
		part source.Part
		want fault.Reason
	}{
		"no scope":         {source.Part{Layout: reviews, AsOf: asOf}, fault.ReasonEmptyScope},
		"zero scope":       {source.Part{Layout: reviews, AsOf: asOf, Scope: &scope.Set{}}, fault.ReasonEmptyScope},
		"no as-of time":    {source.Part{Layout: reviews, Scope: customer(t)}, fault.ReasonValidation},
		"unset as-of time": {source.Part{Layout: reviews, Scope: customer(t), AsOf: time.Unix(0, 0)}, fault.ReasonValidation},
		"no scope rule":    {source.Part{Layout: &ruleless, Scope: customer(t), AsOf: asOf}, fault.ReasonValidation},
		"date as SQL": {
			source.Part{Layout: reviews, Scope: customer(t), AsOf: asOf, Range: &source.Range{From: "2026-01-01' OR 1=1"}},
			fault.ReasonValidation,
		},
		"range without split": {
			source.Part{Layout: layout(t, "DIM_LOCATIONS", "location_id"), Scope: customer(t), AsOf: asOf, Range: &source.Range{From: "2026-01-01"}},
			fault.ReasonValidation,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := builder(t).Extract(test.part)
			if fault.ReasonOf(err) != test.want || fault.Retryable(err) {
				t.Errorf("got %q, error %v; want a final %s", got.SQL, err, test.want)
			}
		})
	}
}

func TestNoTable(t *testing.T) {
	if _, err := builder(t).Measure(source.Survey{Scope: customer(t), AsOf: asOf}); fault.ReasonOf(err) != fault.ReasonValidation {
		t.Errorf("got %v, want %s", err, fault.ReasonValidation)
	}
}

func TestIdentifiers(t *testing.T) {
	for _, name := range []string{"", "exports", "A.B", "A;DROP", `"A"`, "1A", "A B"} {
		if _, err := statement.New(name, "ANALYTICS"); err == nil {
			t.Errorf("database %q was accepted", name)
		}
		if _, err := statement.New("EXPORTS", name); err == nil {
			t.Errorf("schema %q was accepted", name)
		}
	}
}

// What the source would spell in a way of its own is read as JSON; everything else as it is.
func TestColumnsAreReadAs(t *testing.T) {
	for kind, want := range map[dictionary.Kind]string{
		dictionary.KindNumber:    "SELECT t.C AS C\n",
		dictionary.KindString:    "SELECT t.C AS C\n",
		dictionary.KindBinary:    "SELECT t.C AS C\n",
		dictionary.KindVariant:   "SELECT TO_JSON(t.C) AS C\n",
		dictionary.KindObject:    "SELECT TO_JSON(t.C) AS C\n",
		dictionary.KindArray:     "SELECT TO_JSON(t.C) AS C\n",
		dictionary.KindGeography: "SELECT TO_JSON(ST_ASGEOJSON(t.C)) AS C\n",
		dictionary.KindVector:    "SELECT TO_JSON(t.C::ARRAY) AS C\n",
	} {
		column := dictionary.Column{Name: "c", Type: dictionary.Type{Kind: kind}}
		l := &dictionary.Layout{
			Table:  &dictionary.Table{Name: "T", Scope: dictionary.ScopeRule{Shared: true}, Columns: []dictionary.Column{column}},
			Fields: []dictionary.Field{{Name: "c", Column: &column}}, Exported: 1,
		}
		got, err := builder(t).Extract(source.Part{Layout: l, Scope: customer(t), AsOf: asOf})
		if err != nil || !strings.HasPrefix(got.SQL, want) {
			t.Errorf("%s: got %q, error %v; want it to begin with %q", kind, got.SQL, err, want)
		}
	}
}

// Every table of the standard dictionary can be read, and only its own exportable columns are named.
func TestStandardTables(t *testing.T) {
	for _, table := range dictionary.Standard().Tables {
		got, err := builder(t).Extract(source.Part{Layout: layout(t, table.Name), Scope: customer(t), AsOf: asOf})
		if err != nil {
			t.Errorf("table %s: %v", table.Name, err)
			continue
		}
		for _, column := range table.Columns {
			if named := strings.Contains(got.SQL, " AS "+strings.ToUpper(column.Name)); named == column.Personal {
				t.Errorf("table %s: column %s read: %t, personal: %t", table.Name, column.Name, named, column.Personal)
			}
		}
	}
}
