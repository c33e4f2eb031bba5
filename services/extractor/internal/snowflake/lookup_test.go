package snowflake_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/customer-exports/exports/deploy/local/warehouse"
	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/extractor/internal/lookup"
)

// hostile are names that mean something elsewhere: in SQL, in JSON, to a driver, to a reader of text.
var hostile = []string{
	`O'Brien's "Diner"`, `'; DROP TABLE DIM_LOCATIONS; --`, `x') OR 1=1 --`, `\`, `\'`, `"]`, `?`, `:1`, `$1`, `${x}`, `%`, `_`, `*`,
	`🍕👩‍👩‍👧‍👦`, strings.Repeat("é", 255), `<&>`, "two\nlines", `["a","b"]`, `{}`, "null", "NULL", " space ", "\u2028", "e\u0301", "é", "1e3",
}

func (r *rig) directory() *lookup.Directory { return lookup.New(dictionary.Standard(), r.source) }

// locate adds a location to the warehouse, for the given time.
func (r *rig) locate(t *testing.T, id, brand string, from, until time.Time) {
	t.Helper()
	_, err := r.warehouse.DB().ExecContext(t.Context(), `INSERT INTO analytics.dim_locations SELECT * REPLACE
		(? AS location_id, ? AS brand, ? AS _valid_from, ? AS _valid_to) FROM analytics.dim_locations LIMIT 1`, id, brand, from, until)
	if err != nil {
		t.Fatal(err)
	}
}

var forever = clock.AddDate(100, 0, 0)

// Names are values whatever they look like: each is found when it exists, and no other is.
func TestScope(t *testing.T) {
	r := newRig(t, nil)
	var ids []string
	for _, name := range hostile {
		r.locate(t, "id "+name, name, created, forever)
		ids = append(ids, "id "+name)
	}
	got, err := r.directory().Scope(t.Context(), hostile, ids)
	if diff := cmp.Diff(lookup.Misfits{}, got); err != nil || diff != "" {
		t.Errorf("names that exist: error %v, misfits (-want +got):\n%s", err, diff)
	}
	got, err = r.directory().Scope(t.Context(), append([]string{"Bella Pizza"}, ids...), append([]string{"LOC-0000", "LOC-0001"}, hostile...))
	want := lookup.Misfits{UnknownBrands: ids, UnknownLocations: hostile, ForeignLocations: []string{"LOC-0001"}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("names that do not: error %v, misfits (-want +got):\n%s", err, diff)
	}
	r.boundOnly(t, append(hostile[:3:3], "Bella Pizza", "LOC-0000", "🍕"))
}

// boundOnly proves that the source saw one text whatever it was asked, and no name in it.
func (r *rig) boundOnly(t *testing.T, names []string) {
	t.Helper()
	texts := map[string]bool{}
	for _, query := range r.warehouse.Queries() {
		texts[query.SQL] = true
		for _, name := range names {
			if strings.Contains(query.SQL, name) {
				t.Errorf("name %q is in the text:\n%s", name, query.SQL)
			}
		}
	}
	if len(texts) != 1 {
		t.Errorf("%d different texts, want 1: %v", len(texts), texts)
	}
}

// What was, and what will be, is not there now.
func TestScopeIsOfNow(t *testing.T) {
	r := newRig(t, nil)
	r.locate(t, "GONE", "Bella Pizza", created, restated)
	r.locate(t, "COMING", "Bella Pizza", clock.AddDate(0, 0, 1), forever)
	r.locate(t, "SINCE", "Bella Pizza", restated, forever)
	got, err := r.directory().Scope(t.Context(), []string{"Bella Pizza"}, []string{"GONE", "SINCE", "COMING"})
	if diff := cmp.Diff(lookup.Misfits{UnknownLocations: []string{"GONE", "COMING"}}, got); err != nil || diff != "" {
		t.Errorf("error %v, misfits (-want +got):\n%s", err, diff)
	}
}

// The largest scope that the contract allows is one statement, and is judged to the last name.
func TestLargestScope(t *testing.T) {
	r := newRig(t, nil)
	_, err := r.warehouse.DB().ExecContext(t.Context(), `INSERT INTO analytics.dim_locations SELECT l.* REPLACE
		('MANY-' || i AS location_id, 'Brand ' || (i % 1000) AS brand) FROM range(49997) AS r(i), (FROM analytics.dim_locations LIMIT 1) AS l`)
	if err != nil {
		t.Fatal(err)
	}
	var brands, ids []string
	for i := range 1000 {
		brands = append(brands, fmt.Sprintf("Brand %d", i))
	}
	ids = append(ids, "FIRST")
	for i := range 49_997 {
		ids = append(ids, fmt.Sprintf("MANY-%d", i))
	}
	ids = append(ids, "LOC-0000", "LAST")
	got, err := r.directory().Scope(t.Context(), brands, ids)
	want := lookup.Misfits{UnknownLocations: []string{"FIRST", "LAST"}, ForeignLocations: []string{"LOC-0000"}}
	if diff := cmp.Diff(want, got); len(ids) != 50_000 || err != nil || diff != "" {
		t.Errorf("%d ids, error %v, misfits (-want +got):\n%s", len(ids), err, diff)
	}
	if asked := r.warehouse.Queries(); len(asked) != 1 || asked[0].Rows != 1000+49_998+49_997 {
		t.Errorf("the source ran %d statements, the first gave %d rows", len(asked), asked[0].Rows)
	}
}

// Every table of the dictionary is described as the dictionary spells it.
func TestTablesAreSpelledAsInTheDictionary(t *testing.T) {
	r := newRig(t, nil)
	got, err := r.directory().Tables(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var want []lookup.Table
	for _, table := range dictionary.Standard().Tables {
		columns := make([]lookup.Column, 0, len(table.Columns))
		for _, c := range table.Columns {
			columns = append(columns, lookup.Column{Table: table.Name, Name: c.Name, Type: c.Type.String(), Nullable: c.Nullable})
		}
		want = append(want, lookup.Table{Name: table.Name, Columns: columns})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tables (-dictionary +source):\n%s", diff)
	}
	r.boundOnly(t, []string{"FACT_REVIEWS", "ANALYTICS'"})
}

// A type for which the dictionary has no word, or whose digits the source keeps to itself, stays as the
// source spells it.
func TestTypesWithoutAWord(t *testing.T) {
	r := newRig(t, nil)
	_, err := r.warehouse.DB().ExecContext(t.Context(), `INSERT INTO warehouse.catalogue VALUES
		('ODD', 'PLACE', 1, 'GEOMETRY', NULL, NULL, TRUE), ('ODD', 'MEANING', 2, 'DECFLOAT', NULL, NULL, FALSE),
		('ODD', 'AT', 3, 'TIMESTAMP_NTZ', NULL, NULL, FALSE), ('ODD', 'N', 4, 'NUMBER', NULL, NULL, FALSE),
		('ODD', 'CLOCK', 5, 'TIME', NULL, 9, FALSE), ('ODD', 'quoted', 6, 'STRING', NULL, NULL, FALSE),
		('ODD', 'TASTE', 7, 'VECTOR', NULL, NULL, FALSE), ('ODD', 'SMELL', 8, 'VECTOR(FLOAT, 3)', NULL, NULL, FALSE)`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.directory().Tables(t.Context(), []string{"NOPE", "ODD"})
	want := []lookup.Table{{Name: "ODD", Columns: []lookup.Column{
		{Table: "ODD", Name: "place", Type: "GEOMETRY", Nullable: true},
		{Table: "ODD", Name: "meaning", Type: "DECFLOAT"},
		{Table: "ODD", Name: "at", Type: "TIMESTAMP_NTZ"},
		{Table: "ODD", Name: "n", Type: "NUMBER"},
		{Table: "ODD", Name: "clock", Type: "TIME(9)"},
		{Table: "ODD", Name: "taste", Type: "VECTOR"},
		{Table: "ODD", Name: "smell", Type: "VECTOR"},
	}}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("error %v, tables (-want +got):\n%s", err, diff)
	}
}

// However the source misbehaves, a question has its whole answer or fails with the reason that names it.
func TestLookupFaults(t *testing.T) {
	r, hurried := newRig(t, jumpy), newRig(t, hasty)
	for name, test := range map[string]struct {
		faults []warehouse.Fault
		rig    *rig
		want   fault.Reason
		final  bool
	}{
		"address expired":    {faults: []warehouse.Fault{{Kind: warehouse.ChunkForbidden}}, want: fault.ReasonChunkExpired},
		"always cut between": {faults: []warehouse.Fault{{Kind: warehouse.CutAtBoundary, Times: 3}}, want: fault.ReasonSourceTruncated},
		"always cut inside":  {faults: []warehouse.Fault{{Kind: warehouse.CutMidMessage, Times: 3}}, want: fault.ReasonSourceTruncated},
		"total too large":    {faults: []warehouse.Fault{{Kind: warehouse.WrongTotal}}, want: fault.ReasonSourceTruncated},
		"JSON":               {faults: []warehouse.Fault{{Kind: warehouse.JSONResult}}, want: fault.ReasonSourceNotArrow},
		"stalled":            {faults: []warehouse.Fault{{Kind: warehouse.ChunkStall}}, want: fault.ReasonSourceStalled},
		"not answered":       {faults: []warehouse.Fault{{Kind: warehouse.SlowQuery, Delay: time.Minute}}, rig: hurried, want: fault.ReasonSourceStalled},
		"column dropped":     {faults: refusal("000904", "42000"), want: fault.ReasonSourceColumnMissing, final: true},
		"no access":          {faults: refusal("002003", "42S02"), want: fault.ReasonSourceRefused, final: true},
		"no warehouse":       {faults: refusal("000606", "57P03"), want: fault.ReasonSourceRefused, final: true},
		"internal error":     {faults: refusal("000603", "XX000"), want: fault.ReasonSourceUnavailable},
	} {
		if test.rig == nil {
			test.rig = r
		}
		for question, ask := range questions(t, test.rig) {
			t.Run(name+"/"+question, func(t *testing.T) {
				if err := test.rig.warehouse.Faults().Arm(test.faults...); err != nil {
					t.Fatal(err)
				}
				err := ask(t.Context())
				if fault.ReasonOf(err) != test.want || fault.Retryable(err) == test.final || strings.Contains(err.Error(), secretText) {
					t.Errorf("got %v, want %s, final: %t", err, test.want, test.final)
				}
				if left := test.rig.warehouse.Faults().Armed(); len(left) > 0 {
					t.Errorf("never struck: %v", left)
				}
				if err := ask(t.Context()); err != nil {
					t.Errorf("the next question fails: %v", err)
				}
			})
		}
	}
}

// questions are both, each with an answer of several chunks.
func questions(t *testing.T, r *rig) map[string]func(context.Context) error {
	t.Helper()
	set := r.everything(t)
	return map[string]func(context.Context) error{
		"scope": func(ctx context.Context) error {
			misfits, err := r.directory().Scope(ctx, set.Brands(), set.Locations())
			if diff := cmp.Diff(lookup.Misfits{}, misfits); err == nil && diff != "" {
				return fmt.Errorf("misfits (-want +got):\n%s", diff)
			}
			return err
		},
		"tables": func(ctx context.Context) error {
			tables, err := r.directory().Tables(ctx, nil)
			if err == nil && len(tables) != len(dictionary.Standard().Tables) {
				return fmt.Errorf("%d tables", len(tables))
			}
			return err
		},
	}
}

// A question whose asker has left is given up.
func TestLookupCancelled(t *testing.T) {
	r := newRig(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for question, ask := range questions(t, r) {
		if err := ask(ctx); fault.KindOf(err) != fault.Unavailable || fault.ReasonOf(err) == fault.ReasonSourceUnavailable {
			t.Errorf("%s: got %v, want %v", question, err, context.Canceled)
		}
	}
}

func TestLookupTag(t *testing.T) {
	r := newRig(t, nil)
	for question, ask := range questions(t, r) {
		if err := ask(t.Context()); err != nil {
			t.Fatalf("%s: %v", question, err)
		}
		asked := r.warehouse.Queries()
		purpose := map[string]string{"scope": "check_scope", "tables": "describe_tables"}[question]
		tag := asked[len(asked)-1].Tag
		if !strings.HasPrefix(tag, `{"trace_id":"`) || !strings.HasSuffix(tag, `","service":"extractor","purpose":"`+purpose+`"}`) {
			t.Errorf("%s: query tag is %s", question, tag)
		}
	}
}
