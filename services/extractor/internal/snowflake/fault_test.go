package snowflake_test

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/google/go-cmp/cmp"

	"github.com/customer-exports/exports/deploy/local/warehouse"
	"github.com/customer-exports/exports/pkg/conf"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/extractor/internal/snowflake"
	"github.com/customer-exports/exports/services/extractor/internal/source"
)

const secretText = "bound value 4711"

// However the source misbehaves, a read gives every row or fails with the reason that names it.
func TestFaults(t *testing.T) {
	second := 1
	for name, test := range map[string]struct {
		faults []warehouse.Fault
		change func(*snowflake.Config)
		want   fault.Reason
		final  bool
	}{
		"nothing wrong":           {},
		"address expired":         {faults: []warehouse.Fault{{Kind: warehouse.ChunkForbidden}}, want: fault.ReasonChunkExpired},
		"unavailable once":        {faults: []warehouse.Fault{{Kind: warehouse.ChunkUnavailable}}},
		"cut inside a message":    {faults: []warehouse.Fault{{Kind: warehouse.CutMidMessage, Times: 2, Chunk: &second}}},
		"always cut inside":       {faults: []warehouse.Fault{{Kind: warehouse.CutMidMessage, Times: 3, Chunk: &second}}, want: fault.ReasonSourceTruncated},
		"cut between messages":    {faults: []warehouse.Fault{{Kind: warehouse.CutAtBoundary, Times: 2, Chunk: &second}}},
		"always cut between":      {faults: []warehouse.Fault{{Kind: warehouse.CutAtBoundary, Times: 3, Chunk: &second}}, want: fault.ReasonSourceTruncated},
		"connection lost":         {faults: []warehouse.Fault{{Kind: warehouse.ChunkLost, Times: 2, Chunk: &second}}},
		"always lost":             {faults: []warehouse.Fault{{Kind: warehouse.ChunkLost, Times: 3, Chunk: &second}}, want: fault.ReasonSourceTruncated},
		"answer lost":             {faults: []warehouse.Fault{{Kind: warehouse.AnswerLost}}},
		"answer lost twice":       {faults: []warehouse.Fault{{Kind: warehouse.AnswerLost, Times: 2}}, want: fault.ReasonSourceUnavailable},
		"answer stalled":          {faults: []warehouse.Fault{{Kind: warehouse.AnswerStall}}, change: jumpy, want: fault.ReasonSourceStalled},
		"session expired":         {faults: []warehouse.Fault{{Kind: warehouse.SessionExpired}}},
		"total too large":         {faults: []warehouse.Fault{{Kind: warehouse.WrongTotal}}, want: fault.ReasonSourceTruncated},
		"chunk count too large":   {faults: []warehouse.Fault{{Kind: warehouse.WrongChunkCount}}, want: fault.ReasonSourceTruncated},
		"JSON":                    {faults: []warehouse.Fault{{Kind: warehouse.JSONResult}}, want: fault.ReasonSourceNotArrow},
		"slow, but answered":      {faults: []warehouse.Fault{{Kind: warehouse.SlowQuery, Delay: 1500 * time.Millisecond}}},
		"not answered in time":    {faults: []warehouse.Fault{{Kind: warehouse.SlowQuery, Delay: time.Minute}}, change: hasty, want: fault.ReasonSourceStalled},
		"stalled":                 {faults: []warehouse.Fault{{Kind: warehouse.ChunkStall}}, change: jumpy, want: fault.ReasonSourceStalled},
		"as-of time gone":         {faults: refusal("000707", "02000"), want: fault.ReasonSourceAsOfGone, final: true},
		"column dropped":          {faults: refusal("000904", "42000"), want: fault.ReasonSourceColumnMissing, final: true},
		"syntax":                  {faults: refusal("001003", "42000"), want: fault.ReasonSourceRefused, final: true},
		"no such table":           {faults: refusal("002003", "42S02"), want: fault.ReasonSourceRefused, final: true},
		"statement timeout":       {faults: refusal("000630", "57014"), want: fault.ReasonSourceUnavailable},
		"internal error of it":    {faults: refusal("000603", "XX000"), want: fault.ReasonSourceUnavailable},
		"session gone altogether": {faults: refusal("390114", "08001"), want: fault.ReasonSourceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, test.change)
			part := r.part(t)
			want, err := r.keys(t.Context(), part)
			if err != nil {
				t.Fatal(err)
			}
			if err := r.warehouse.Faults().Arm(test.faults...); err != nil {
				t.Fatal(err)
			}
			got, err := r.keys(t.Context(), part)
			if reason := fault.ReasonOf(err); reason != test.want {
				t.Fatalf("got %d of %d rows, error %v; want %q", len(got), len(want), err, test.want)
			}
			if err != nil && (fault.Retryable(err) == test.final || strings.Contains(err.Error(), secretText)) {
				t.Errorf("final is %t, want %t; text: %v", !fault.Retryable(err), test.final, err)
			}
			if diff := cmp.Diff(want, got); err == nil && diff != "" {
				t.Errorf("rows differ (-want +got):\n%s", diff)
			}
			if left := r.warehouse.Faults().Armed(); len(left) > 0 {
				t.Errorf("never struck: %v", left)
			}
			r.recovers(t)
		})
	}
}

// recovers proves that a failure leaves nothing behind: no statement runs on at the source, and the next
// attempt reads every row.
func (r *rig) recovers(t *testing.T) {
	t.Helper()
	for slices.ContainsFunc(r.warehouse.Queries(), func(q warehouse.Query) bool { return q.Status == "RUNNING" }) {
		if t.Context().Err() != nil {
			t.Fatal("a statement runs on")
		}
		runtime.Gosched()
	}
	r.warehouse.Faults().Clear()
	part := r.part(t)
	if keys, err := r.keys(t.Context(), part); err != nil || int64(len(keys)) != part.Rows {
		t.Errorf("the next attempt gave %d of %d rows, error %v", len(keys), part.Rows, err)
	}
}

// A source that goes away in the middle of a result ends the attempt by silence, however often the driver would
// try again.
func TestSourceGoesAway(t *testing.T) {
	r := newRig(t, jumpy)
	part := r.part(t)
	_, err := r.source.Read(t.Context(), r.attempt(), part, func(arrow.Record) error { return r.warehouse.Close() })
	if fault.ReasonOf(err) != fault.ReasonSourceStalled || !fault.Retryable(err) || !strings.Contains(err.Error(), big) {
		t.Errorf("got %v, want %s of %s", err, fault.ReasonSourceStalled, big)
	}
}

// A source that is not there is waited for no longer than a statement.
func TestSourceNotThere(t *testing.T) {
	r := newRig(t, hasty)
	part := source.Part{Layout: layout(t, big), Scope: r.everything(t), AsOf: asOf, Rows: 1}
	if err := r.warehouse.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.keys(t.Context(), part); fault.ReasonOf(err) != fault.ReasonSourceStalled || !strings.Contains(err.Error(), big) {
		t.Errorf("got %v, want %s of %s", err, fault.ReasonSourceStalled, big)
	}
}

// An answer may take longer than a chunk may be silent: the source thinks.
func TestSlowerThanAStall(t *testing.T) {
	r := open(t, func(c *warehouse.Config) { c.AnswerWithin = time.Minute }, jumpy)
	part := r.part(t)
	if err := r.warehouse.Faults().Arm(warehouse.Fault{Kind: warehouse.SlowQuery, Delay: 1500 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	if keys, err := r.keys(t.Context(), part); err != nil || int64(len(keys)) != part.Rows {
		t.Errorf("%d of %d rows, error %v", len(keys), part.Rows, err)
	}
}

func refusal(code, state string) []warehouse.Fault {
	return []warehouse.Fault{{Kind: warehouse.QueryError, Code: code, SQLState: state, Message: "refused: " + secretText}}
}

func hasty(cfg *snowflake.Config) { cfg.QueryTimeout = conf.Duration(time.Second) }

func jumpy(cfg *snowflake.Config) { cfg.StallTimeout = conf.Duration(500 * time.Millisecond) }
