package snowflake_test

import (
	"testing"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/services/extractor/internal/snowflake"
	"github.com/customer-exports/exports/services/extractor/internal/source"
)

// Each statement runs in a session of the warehouse that the export's class asks for; a question does
// not need the large one.
func TestWarehouse(t *testing.T) {
	for name, test := range map[string]struct {
		standard, large string
		want            [3]string // standard part, large part, question
	}{
		"both":        {"EXPORT_WH", "EXPORT_LARGE_WH", [3]string{"EXPORT_WH", "EXPORT_LARGE_WH", "EXPORT_WH"}},
		"one":         {"EXPORT_WH", "", [3]string{"EXPORT_WH", "EXPORT_WH", "EXPORT_WH"}},
		"the default": {"", "", [3]string{}},
		"large only":  {"", "EXPORT_LARGE_WH", [3]string{"", "EXPORT_LARGE_WH", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(cfg *snowflake.Config) { cfg.Warehouse, cfg.LargeWarehouse = test.standard, test.large })
			set := r.everything(t)
			for i, large := range []bool{false, true} {
				survey := source.Survey{Layouts: []*dictionary.Layout{layout(t, "DIM_DATES")}, Scope: set, AsOf: asOf, Large: large}
				counts, err := r.source.Measure(t.Context(), r.attempt(), survey)
				if err != nil {
					t.Fatal(err)
				}
				r.ranOn(t, "a measurement", test.want[i])
				part := source.Part{Layout: survey.Layouts[0], Scope: set, AsOf: asOf, Large: large, Rows: counts[0].Rows}
				if _, err := r.keys(t.Context(), part); err != nil {
					t.Fatal(err)
				}
				r.ranOn(t, "a part", test.want[i])
			}
			if _, err := r.directory().Tables(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			r.ranOn(t, "a question", test.want[2])
		})
	}
}

// ranOn compares the warehouse of the newest statement.
func (r *rig) ranOn(t *testing.T, what, want string) {
	t.Helper()
	asked := r.warehouse.Queries()
	if got := asked[len(asked)-1].Warehouse; got != want {
		t.Errorf("%s ran on warehouse %q, want %q", what, got, want)
	}
}
