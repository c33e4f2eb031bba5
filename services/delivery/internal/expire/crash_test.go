package expire_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/delivery/internal/commit"
	"github.com/customer-exports/exports/services/delivery/internal/crashtest"
	"github.com/customer-exports/exports/services/delivery/internal/part"
	"github.com/customer-exports/exports/services/delivery/internal/parttest"
)

// TestExpireFinishesAfterADeathAtAnyStep deletes a drop that another one of its date has superseded, and the last one of an
// export that was archived.
func TestExpireFinishesAfterADeathAtAnyStep(t *testing.T) {
	first, again := parttest.Run(older), parttest.Run(older)
	again.RunId = strings.TrimSuffix(again.GetRunId(), "1") + "2"
	for name, c := range map[string]struct{ goes, stays, by *taskv1.RunRef }{"superseded": {first, again, again}, "last": {again, first, nil}} {
		t.Run(name, func(t *testing.T) {
			crashtest.EachStep(t, func(t *testing.T, d *crashtest.Death) {
				f := emptyFixture(t)
				f.inForce.Archived = c.goes == again
				for _, run := range []*taskv1.RunRef{first, again} {
					f.commit(t, run)
				}
				reader := crashtest.NewReader(t, f.bucket)
				f.expirer.Buckets = opened{d.Of(f.bucket, reader)}
				if err := f.expireFor(t, c.goes, c.by); err != nil && (!d.Came() || !fault.Retryable(err) || len(f.expired) != 0) {
					t.Fatalf("a death became final: %v, reported %q", err, f.expired)
				}
				f.expirer.Buckets = opened{crashtest.Watched(f.bucket, reader)}
				if err := f.expireFor(t, c.goes, c.by); err != nil {
					t.Fatalf("the task delivered again: %v", err)
				}
				f.gone(t, c.goes)
				if got := reader.Look(); !slices.Equal(got, []string{c.stays.GetRunId()}) {
					t.Errorf("the reader sees the drops of %q, want that of %s", got, c.stays.GetRunId())
				}
			})
		})
	}
}

// gone fails the test unless nothing of a run is left, and each deletion was told.
func (f *fixture) gone(t *testing.T, run *taskv1.RunRef) {
	t.Helper()
	pointer := false
	for _, key := range f.keys(t) {
		if strings.Contains(key, "/run="+run.GetRunId()+"/") {
			t.Errorf("%s is left", key)
		}
		pointer = pointer || key == drop.LatestKey
	}
	if f.inForce.Archived == pointer {
		t.Errorf("latest.json is there: %t", pointer)
	}
	told := slices.Compact(slices.Sorted(slices.Values(f.deleted)))
	want := len(parts) + len([]string{"_started", "manifest.json", "_SUCCESS"})
	if f.inForce.Archived {
		want++
	}
	if len(told) != want {
		t.Errorf("%d deletions were told, want %d: %q", len(told), want, told)
	}
}

// parts are what a run of these tests consists of.
var parts = []parttest.Rows{
	{Table: "DIM_DATES", Count: 3, Foreign: -1}, {Table: "DIM_LOCATIONS", Foreign: -1}, {Table: "FACT_MESSAGES", Count: 5, Foreign: -1},
}

// commit delivers a run as it is done outside of tests.
func (f *fixture) commit(t *testing.T, run *taskv1.RunRef) {
	t.Helper()
	planner := plan{Run: &planv1.Run{Ref: proto.CloneOf(run), State: planv1.RunState_RUN_STATE_COMMITTING, TraceId: strings.Repeat("a", 32)}}
	uploader := &part.Uploader{Runs: parttest.Runs{}, Revisions: f.expirer.Revisions, Buckets: f.expirer.Buckets, Tel: f.expirer.Tel}
	for _, rows := range parts {
		stream, count := rows.Stream(t), int64(rows.Count)
		receipt, err := uploader.Upload(t.Context(), stream.Header(run, rows.Table, 0), stream)
		must(t, err)
		planner.Receipts = append(planner.Receipts, receipt)
		planner.Run.Tables = append(planner.Run.Tables, &planv1.TableProgress{
			Table: rows.Table, MeasuredRowCount: count, Parts: []*planv1.PartProgress{{MeasuredRowCount: count, Received: true}},
		})
	}
	committer := &commit.Committer{
		Planner: planner, Revisions: f.expirer.Revisions, Buckets: f.expirer.Buckets, Tel: f.expirer.Tel, Producer: "delivery/test", Now: run.GetDueTime().AsTime,
	}
	must(t, committer.Commit(t.Context(), run, func() {}))
}

// plan is the planner of one run.
type plan commit.Plan

func (p plan) Plan(context.Context, string) (commit.Plan, error) { return commit.Plan(p), nil }

func (p plan) Committed(context.Context, string, string, time.Time, time.Time) error { return nil }
