package snowflake_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/customer-exports/exports/deploy/local/warehouse"
	"github.com/customer-exports/exports/pkg/conf"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/extractor/internal/snowflake"
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

// recovers proves that a failure leaves nothing behind: the next attempt reads every row.
func (r *rig) recovers(t *testing.T) {
	t.Helper()
	r.warehouse.Faults().Clear()
	part := r.part(t)
	if keys, err := r.keys(t.Context(), part); err != nil || int64(len(keys)) != part.Rows {
		t.Errorf("the next attempt gave %d of %d rows, error %v", len(keys), part.Rows, err)
	}
}

func refusal(code, state string) []warehouse.Fault {
	return []warehouse.Fault{{Kind: warehouse.QueryError, Code: code, SQLState: state, Message: "refused: " + secretText}}
}

func hasty(cfg *snowflake.Config) { cfg.QueryTimeout = conf.Duration(time.Second) }

func jumpy(cfg *snowflake.Config) { cfg.StallTimeout = conf.Duration(500 * time.Millisecond) }
