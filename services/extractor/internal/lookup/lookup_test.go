package lookup_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/extractor/internal/lookup"
)

// memSource has the locations and columns that it is given, and keeps what it was asked.
type memSource struct {
	brandOf   map[string]string // of each location
	columns   []lookup.Column
	err       error
	table     *dictionary.Table
	locations []string
	asked     []string
}

func (m *memSource) Names(_ context.Context, table *dictionary.Table, brands, locations []string) (lookup.Found, error) {
	m.table, m.locations = table, locations
	found := lookup.Found{Brands: map[string]bool{}, Locations: map[string]bool{}, Own: map[string]bool{}}
	listed := map[string]bool{}
	for _, brand := range brands {
		listed[brand] = true
	}
	for _, brand := range m.brandOf {
		found.Brands[brand] = listed[brand]
	}
	for _, id := range locations {
		brand, exists := m.brandOf[id]
		found.Locations[id], found.Own[id] = exists, listed[brand]
	}
	return found, m.err
}

func (m *memSource) Columns(_ context.Context, tables []string) ([]lookup.Column, error) {
	m.asked = tables
	return m.columns, m.err
}

func (m *memSource) Earliest(_ context.Context, tables []string) (time.Time, error) {
	m.asked = tables
	return made, m.err
}

var made = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// A table is read together with the one that says whose its rows are, and each is asked for once.
func TestEarliest(t *testing.T) {
	source := &memSource{}
	directory := lookup.New(dictionary.Standard(), source)
	got, err := directory.Earliest(t.Context(), []string{"DIM_DATES", "FACT_TRANSACTION_ITEMS", "FACT_TRANSACTIONS", "DIM_DATES"})
	if err != nil || !got.Equal(made) {
		t.Errorf("got %s, %v; want %s", got, err, made)
	}
	if diff := cmp.Diff([]string{"DIM_DATES", "FACT_TRANSACTION_ITEMS", "FACT_TRANSACTIONS"}, source.asked); diff != "" {
		t.Errorf("asked for (-want +got):\n%s", diff)
	}
	if _, err := directory.Earliest(t.Context(), []string{"DIM_DATES", "NOPE"}); fault.KindOf(err) != fault.Invalid || fault.ReasonOf(err) != fault.ReasonUnknownTable {
		t.Errorf("a table that the dictionary does not have: %v, want Invalid UNKNOWN_TABLE", err)
	}
}

func TestScope(t *testing.T) {
	source := &memSource{brandOf: map[string]string{"L1": "Pizza", "L2": "Fitness", "L3": "Pizza"}}
	list := func(text string) []string { return strings.Split(text, ",") }
	for name, test := range map[string]struct {
		brands, locations string
		want              lookup.Misfits
	}{
		"all fit":        {"Pizza,Fitness", "L1,L2,L3", lookup.Misfits{}},
		"unknown":        {"Pizza,Hotels", "L9,L1,L8", lookup.Misfits{UnknownBrands: list("Hotels"), UnknownLocations: list("L9,L8")}},
		"foreign":        {"Pizza", "L2,L3", lookup.Misfits{ForeignLocations: list("L2")}},
		"case counts":    {"PIZZA", "l1,L1", lookup.Misfits{UnknownBrands: list("PIZZA"), UnknownLocations: list("l1"), ForeignLocations: list("L1")}},
		"named twice":    {"Z,Pizza,Z,A", "L2,L9,L2,L9,L0", lookup.Misfits{UnknownBrands: list("Z,A"), UnknownLocations: list("L9,L0"), ForeignLocations: list("L2")}},
		"of no brand":    {"Hotels", "L1,L2", lookup.Misfits{UnknownBrands: list("Hotels"), ForeignLocations: list("L1,L2")}},
		"nothing at all": {"Hotels", "L9", lookup.Misfits{UnknownBrands: list("Hotels"), UnknownLocations: list("L9")}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := lookup.New(dictionary.Standard(), source).Scope(t.Context(), list(test.brands), list(test.locations))
			if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
				t.Errorf("error %v, misfits (-want +got):\n%s", err, diff)
			}
			seen := map[string]bool{}
			for _, id := range source.locations {
				if seen[id] {
					t.Errorf("the source is asked twice for %s", id)
				}
				seen[id] = true
			}
		})
	}
}

const columns = `columns: [{name: site, type: STRING, definition: x}, {name: chain, type: STRING, definition: x}, {name: day, type: DATE, definition: x}]}`

// words is a dictionary of tables with a location column site and a brand column chain.
func words(t *testing.T, keyOf ...string) *dictionary.Dictionary {
	t.Helper()
	text := "version: test\ntables:\n"
	for _, each := range keyOf {
		name, key, _ := strings.Cut(each, " ")
		text += "  - {name: " + name + ", definition: x, primary_key: [" + key + "], scope: {brand: chain, location: site}, " + columns + "\n"
	}
	d, err := dictionary.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// The location table is found by what it is, whatever it is called.
func TestLocationTable(t *testing.T) {
	for name, test := range map[string]struct {
		words *dictionary.Dictionary
		want  string
	}{
		"standard":      {dictionary.Standard(), "DIM_LOCATIONS"},
		"other names":   {words(t, "FACT_VISITS day", "SITES site"), "SITES"},
		"longer key":    {words(t, `FACT_DAYS site, day`, "SITES site"), "SITES"},
		"first of two":  {words(t, "SITES site", "SITE_TOTALS site"), "SITES"},
		"key elsewhere": {words(t, "CHAINS chain", "SITES site"), "SITES"},
	} {
		t.Run(name, func(t *testing.T) {
			source := &memSource{}
			if _, err := lookup.New(test.words, source).Scope(t.Context(), []string{"a"}, []string{"b"}); err != nil {
				t.Fatal(err)
			}
			if source.table.Name != test.want {
				t.Errorf("got %s, want %s", source.table.Name, test.want)
			}
		})
	}
}

func TestNoLocationTable(t *testing.T) {
	source := &memSource{}
	_, err := lookup.New(words(t, "FACT_DAYS site, day"), source).Scope(t.Context(), []string{"a"}, []string{"b"})
	if fault.ReasonOf(err) != fault.ReasonUnknownTable || fault.Retryable(err) || source.table != nil {
		t.Errorf("got %v, want a final %s without a question to the source", err, fault.ReasonUnknownTable)
	}
}

// A scope that could not be looked up must not look like one that fits.
func TestSourceFails(t *testing.T) {
	away := fault.New(fault.Unavailable, fault.ReasonSourceUnavailable, "the source cannot be reached")
	d := lookup.New(dictionary.Standard(), &memSource{err: away})
	if _, err := d.Scope(t.Context(), []string{"a"}, []string{"b"}); fault.ReasonOf(err) != fault.ReasonSourceUnavailable {
		t.Errorf("scope: got %v, want %v", err, away)
	}
	if _, err := d.Tables(t.Context(), nil); fault.ReasonOf(err) != fault.ReasonSourceUnavailable {
		t.Errorf("tables: got %v, want %v", err, away)
	}
}

func TestTables(t *testing.T) {
	source := &memSource{columns: []lookup.Column{
		{Table: "A", Name: "ID", Type: "STRING"},
		{Table: "A", Name: "id", Type: "DATE"}, // quoted: not the column above
		{Table: "A", Name: "_LOADED_AT", Type: "TIMESTAMP_NTZ(9)", Nullable: true},
		{Table: "B", Name: "Größe", Type: "FLOAT"},
		{Table: "C", Name: "N", Type: "NUMBER(38,0)"},
	}}
	got, err := lookup.New(dictionary.Standard(), source).Tables(t.Context(), []string{"C", "NOPE", "A", "C", "B"})
	if err != nil {
		t.Fatal(err)
	}
	want := []lookup.Table{
		{Name: "C", Columns: []lookup.Column{{Table: "C", Name: "n", Type: "NUMBER(38,0)"}}},
		{Name: "A", Columns: []lookup.Column{
			{Table: "A", Name: "id", Type: "STRING"},
			{Table: "A", Name: "_loaded_at", Type: "TIMESTAMP_NTZ(9)", Nullable: true},
		}},
		{Name: "B"}, // the source has it, though the dictionary could name none of its columns
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tables (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"C", "NOPE", "A", "B"}, source.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

func TestTablesOfTheDictionary(t *testing.T) {
	source := &memSource{}
	if _, err := lookup.New(words(t, "SITES site", "FACT_DAYS site, day"), source).Tables(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"SITES", "FACT_DAYS"}, source.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	empty := &memSource{}
	if got, err := lookup.New(&dictionary.Dictionary{}, empty).Tables(t.Context(), nil); err != nil || len(got) > 0 || empty.asked != nil {
		t.Errorf("an empty dictionary gave %v, %v, and the source was asked for %q", got, err, empty.asked)
	}
}
