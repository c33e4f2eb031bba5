package snowflake_test

import (
	"strings"
	"testing"
	"time"

	"github.com/customer-exports/exports/deploy/local/warehouse"
	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/extractor/internal/source"
)

// readable counts tables at an instant.
func (r *rig) readable(t *testing.T, at time.Time, tables ...string) error {
	t.Helper()
	survey := source.Survey{Scope: r.everything(t), AsOf: at}
	for _, table := range tables {
		survey.Layouts = append(survey.Layouts, layout(t, table))
	}
	_, err := r.source.Measure(t.Context(), r.attempt(), survey)
	return err
}

// The instant that is told can be read, for hours to come, and the table that allows the least decides it.
func TestEarliest(t *testing.T) {
	tables := []string{"DIM_DATES", "FACT_REVIEWS"}
	for name, test := range map[string]struct {
		retention time.Duration
		rebuilt   bool
		want      time.Time
		still     time.Duration // how long the instant stays readable
	}{
		"as old as the tables":   {0, false, created.Add(time.Second), 90 * time.Minute},
		"as long as it is kept":  {3 * 24 * time.Hour, false, clock.Add(-70 * time.Hour), 90 * time.Minute},
		"kept for days only":     {3*24*time.Hour + time.Hour, false, clock.Add(-70 * time.Hour), 90 * time.Minute},
		"not kept for a day":     {time.Hour, false, clock, 0},
		"one table was rebuilt":  {0, true, clock.Add(time.Second), 90 * time.Minute},
		"rebuilt within history": {3 * 24 * time.Hour, true, clock.Add(time.Second), 90 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			now := clock
			r := newRigOf(t, func(c *warehouse.Config) { c.Retention, c.Now = test.retention, func() time.Time { return now } })
			if test.rebuilt {
				if err := r.warehouse.Rebuild(t.Context(), "FACT_REVIEWS"); err != nil {
					t.Fatal(err)
				}
			}
			got, err := r.source.Earliest(t.Context(), tables)
			if err != nil || !got.Equal(test.want) {
				t.Fatalf("got %s, %v; want %s", got, err, test.want)
			}
			now = clock.Add(test.still)
			if err := r.readable(t, got, tables...); err != nil {
				t.Errorf("reading at %s: %v", got, err)
			}
			if err := r.readable(t, got.Add(-4*time.Hour), tables...); fault.ReasonOf(err) != fault.ReasonSourceAsOfGone {
				t.Errorf("reading at an instant long before: %v, want SOURCE_AS_OF_GONE", err)
			}
		})
	}
}

// A table that the source does not have cannot be read at any instant.
func TestEarliestOfNoTable(t *testing.T) {
	r := newRig(t, nil)
	if _, err := r.source.Earliest(t.Context(), []string{"DIM_DATES", "NOPE"}); fault.KindOf(err) != fault.State || fault.ReasonOf(err) != fault.ReasonUnknownTable {
		t.Errorf("got %v, want State UNKNOWN_TABLE", err)
	}
	if _, err := r.source.Earliest(t.Context(), nil); fault.KindOf(err) != fault.Invalid {
		t.Errorf("asked for none: %v, want Invalid", err)
	}
}

// A source that does not answer, or cuts its answer, gives no instant.
func TestEarliestFaults(t *testing.T) {
	r := newRig(t, nil)
	for name, test := range map[string]struct {
		fault warehouse.Fault
		want  fault.Reason
	}{
		"away":     {refusal("000603", "XX000")[0], fault.ReasonSourceUnavailable},
		"cut":      {warehouse.Fault{Kind: warehouse.WrongTotal}, fault.ReasonSourceTruncated},
		"not rows": {warehouse.Fault{Kind: warehouse.JSONResult}, fault.ReasonSourceNotArrow},
	} {
		t.Run(name, func(t *testing.T) {
			if err := r.warehouse.Faults().Arm(test.fault); err != nil {
				t.Fatal(err)
			}
			if at, err := r.source.Earliest(t.Context(), []string{"DIM_DATES"}); fault.ReasonOf(err) != test.want || !at.IsZero() {
				t.Errorf("got %s, %v; want %s", at, err, test.want)
			}
		})
	}
	asked := r.warehouse.Queries()
	if tag := asked[len(asked)-1].Tag; !strings.HasSuffix(tag, `"service":"extractor","purpose":"earliest_as_of"}`) {
		t.Errorf("query tag is %s", tag)
	}
}

// The source's clock counts, not ours.
func TestNow(t *testing.T) {
	r := newRig(t, nil)
	if got, err := r.source.Now(t.Context()); err != nil || !got.Equal(clock) {
		t.Errorf("got %s, %v; want %s", got, err, clock)
	}
	if err := r.readable(t, clock, dictionary.Standard().Tables[0].Name); err != nil {
		t.Errorf("reading at the source's now: %v", err)
	}
}
