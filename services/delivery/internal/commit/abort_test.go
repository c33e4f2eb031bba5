package commit_test

import (
	"context"
	"errors"
	"testing"

	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
)

// uploads counts those of a run that can still be completed.
func (f *fixture) uploads(t *testing.T) int {
	t.Helper()
	left, err := f.bucket.ListUploads(t.Context(), drop.Prefix)
	if err != nil {
		t.Fatal(err)
	}
	return len(left)
}

func (f *fixture) abort(t *testing.T, run *taskv1.RunRef) error {
	t.Helper()
	return f.aborter.Abort(t.Context(), run, func() {})
}

// TestAbortLeavesNoUploadOfACancelledRun cancels one of two runs in a bucket.
func TestAbortLeavesNoUploadOfACancelledRun(t *testing.T) {
	d := newBucket(t)
	f, other := uploadRun(t, d, date), uploadRun(t, d, "2026-11-24")
	if _, err := f.bucket.StartUpload(t.Context(), f.planner.plan.Receipts[0].GetKey()); err != nil { // by an attempt that died
		t.Fatal(err)
	}
	f.planner.plan.Run.State = planv1.RunState_RUN_STATE_CANCELLED
	for again := range 2 {
		if err := f.abort(t, f.run); err != nil {
			t.Fatal(err)
		}
		if got := f.uploads(t); got != len(parts) || f.planner.aborts != again+1 {
			t.Errorf("%d uploads are left, %d aborts reported; want the %d of the other run", got, f.planner.aborts, len(parts))
		}
	}
	if err := other.commit(t); err != nil {
		t.Fatal(err)
	}
	other.complete(t)
}

// TestAbortTouchesNothingThatGoesOn is asked for runs that are not cancelled, or not there.
func TestAbortTouchesNothingThatGoesOn(t *testing.T) {
	f := newFixture(t)
	if err := f.abort(t, f.run); fault.ReasonOf(err) != fault.ReasonTaskInvalid || fault.Retryable(err) {
		t.Errorf("aborting a run that goes on = %v, want TASK_INVALID, never retried", err)
	}
	f.aborter.Runs = awayRuns{}
	if err := f.abort(t, f.run); !fault.Retryable(err) {
		t.Errorf("aborting without the planner = %v, want another try", err)
	}
	f.planner.plan.Run.State, f.aborter.Runs = planv1.RunState_RUN_STATE_CANCELLED, f.planner
	foreign := parts[0].Table + "/../" + f.run.GetRunId()
	f.run.RunId = foreign
	if err := f.abort(t, f.run); fault.KindOf(err) != fault.Invalid {
		t.Errorf("aborting %q = %v, want Invalid", foreign, err)
	}
	if got := f.uploads(t); got != len(parts) || f.planner.aborts != 0 {
		t.Errorf("%d uploads are left, %d aborts reported; want %d and none", got, f.planner.aborts, len(parts))
	}
}

// awayRuns is a planner that does not answer.
type awayRuns struct{}

func (awayRuns) Wanted(context.Context, string) error  { return errors.New("away") }
func (awayRuns) Aborted(context.Context, string) error { return errors.New("away") }
