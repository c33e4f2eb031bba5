package commit_test

import (
	"context"
	"slices"
	"testing"

	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
	"github.com/customer-exports/exports/services/delivery/internal/crashtest"
	"github.com/customer-exports/exports/services/delivery/internal/part"
	"github.com/customer-exports/exports/services/delivery/internal/parttest"
)

// unreadable has an S3 that stores and tells, but does not give.
type unreadable struct{ bucket.Bucket }

func (unreadable) ReadRange(context.Context, string, int64, []byte) error {
	return fault.Wrap(errAway, fault.Unavailable, fault.ReasonBucketUnavailable, "reading")
}

// mayDie fails the test when a death became final.
func mayDie(t *testing.T, d *crashtest.Death, err error) {
	t.Helper()
	if err != nil && (!d.Came() || !fault.Retryable(err)) {
		t.Fatalf("a death became final: %v", err)
	}
}

// sees fails the test unless the reader sees the drops of exactly these runs.
func sees(t *testing.T, r *crashtest.Reader, want ...string) {
	t.Helper()
	if got := r.Look(); !slices.Equal(slices.Sorted(slices.Values(got)), want) {
		t.Errorf("the reader sees the drops of %q, want %q", got, want)
	}
}

// TestCommitFinishesAfterADeathAtAnyStep commits the second extraction of a date, whose first is there and stays.
func TestCommitFinishesAfterADeathAtAnyStep(t *testing.T) {
	crashtest.EachStep(t, func(t *testing.T, d *crashtest.Death) {
		where := newBucket(t)
		first, f := uploadRunOf(t, where, date, 1), uploadRunOf(t, where, date, 2)
		if err := first.commit(t); err != nil {
			t.Fatal(err)
		}
		reader := crashtest.NewReader(t, f.bucket)
		f.committer.Buckets = opened{d.Of(f.bucket, reader)}
		mayDie(t, d, f.commit(t))
		f.committer.Buckets = opened{crashtest.Watched(f.bucket, reader)}
		if err := f.commit(t); err != nil {
			t.Fatalf("the task delivered again: %v", err)
		}
		first.complete(t)
		f.complete(t)
		sees(t, reader, first.run.GetRunId(), f.run.GetRunId())
		if got := f.latest(t).RunID; got != f.run.GetRunId() {
			t.Errorf("latest.json names %s", got)
		}
	})
}

// TestPartFinishesAfterADeathAtAnyStep has a large part of several pieces read again by the next attempt, whose bytes are
// others than those of the first.
func TestPartFinishesAfterADeathAtAnyStep(t *testing.T) {
	rows := parttest.Rows{Table: "FACT_MESSAGES", Count: 800, PerBatch: 100, Foreign: -1, Width: 3000}
	before := rows.Stream(t)
	rows.Width++
	after := rows.Stream(t)
	crashtest.EachStep(t, func(t *testing.T, d *crashtest.Death) {
		plain := &configv1.Format{Compression: configv1.Compression_COMPRESSION_NONE}
		f := uploadRunIn(t, newBucket(t), date, 1, plain)
		reader := crashtest.NewReader(t, f.bucket)
		first, err := f.upload(t, d.Of(f.bucket, reader), before)
		mayDie(t, d, err)
		receipt, err := f.upload(t, crashtest.Watched(f.bucket, reader), after)
		if err != nil {
			t.Fatalf("the next attempt: %v", err)
		}
		if first != nil {
			receipt = first // it was reported before
		}
		if len(receipt.GetPieces()) < 2 {
			t.Fatal("a single piece proves little")
		}
		sees(t, reader)
		f.receive(receipt)
		f.committer.Buckets = opened{crashtest.Watched(f.bucket, reader)}
		if err := f.commit(t); err != nil {
			t.Fatal(err)
		}
		f.complete(t)
		sees(t, reader, f.run.GetRunId())
	})
}

// upload uploads the last part of the run.
func (f *fixture) upload(t *testing.T, b bucket.Bucket, stream *parttest.Stream) (*deliveryv1.Receipt, error) {
	t.Helper()
	again := *stream // a stream is read once
	u := &part.Uploader{Runs: parttest.Runs{}, Revisions: f.committer.Revisions, Buckets: opened{b}, Tel: f.committer.Tel}
	return u.Upload(t.Context(), again.Header(f.run, "FACT_MESSAGES", 2), &again)
}

// receive notes the receipt of one more part.
func (f *fixture) receive(r *deliveryv1.Receipt) {
	table := tableOf(f.planner.plan.Run, r.GetTable())
	table.Parts = append(table.Parts, &planv1.PartProgress{PartIndex: r.GetPartIndex(), MeasuredRowCount: r.GetRowCount(), Received: true})
	table.MeasuredRowCount += r.GetRowCount()
	f.planner.plan.Receipts = append(f.planner.plan.Receipts, r)
}

// TestWithdrawalFinishesAfterADeathAtAnyStep removes what a run has shown that failed for good, beside the drop that it was
// to follow.
func TestWithdrawalFinishesAfterADeathAtAnyStep(t *testing.T) {
	crashtest.EachStep(t, func(t *testing.T, d *crashtest.Death) {
		where := newBucket(t)
		first, f := uploadRunOf(t, where, date, 1), uploadRunOf(t, where, date, 2)
		if err := first.commit(t); err != nil {
			t.Fatal(err)
		}
		reader := crashtest.NewReader(t, f.bucket)
		f.committer.Buckets = opened{crashtest.Watched(f.bucket, reader)}
		f.planner.plan.Receipts[3].RowCount++
		tableOf(f.planner.plan.Run, "FACT_MESSAGES").Parts[1].MeasuredRowCount++
		tableOf(f.planner.plan.Run, "FACT_MESSAGES").MeasuredRowCount++
		if err := f.commit(t); fault.ReasonOf(err) != fault.ReasonReadBackMismatch || f.visible(t) == 0 {
			t.Fatalf("got %v, want READ_BACK_MISMATCH and files that can be seen", err)
		}
		f.committer.Buckets = opened{d.Of(f.bucket, reader)}
		mayDie(t, d, f.committer.Withdraw(t.Context(), f.run))
		f.committer.Buckets = opened{crashtest.Watched(f.bucket, reader)}
		if err := f.commit(t); err == nil {
			t.Error("the task delivered again commits what failed for good")
		}
		f.withdrawn(t)
		first.complete(t)
		sees(t, reader, first.run.GetRunId())
	})
}
