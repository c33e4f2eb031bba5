package commit_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/customer-exports/exports/pkg/fault"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/delivery/internal/resend"
)

// resending is the planner of a run that copies the files of first.
type resending struct {
	*memPlanner
	first *memPlanner
}

func (p resending) Wanted(context.Context, string) error { return nil }

func (p resending) Receipt(_ context.Context, _, table string, index int32) (*planv1.Run, *deliveryv1.Receipt, error) {
	run := proto.CloneOf(p.first.plan.Run)
	run.State = planv1.RunState_RUN_STATE_COMMITTED
	for _, r := range p.first.plan.Receipts {
		if r.GetTable() == table && r.GetPartIndex() == index {
			return run, r, nil
		}
	}
	return nil, nil, fault.New(fault.NotFound, fault.ReasonNotFound, "no such part")
}

func (p resending) Received(_ context.Context, _ string, _ int, r *deliveryv1.Receipt) (bool, error) {
	p.plan.Receipts = append(p.plan.Receipts, r)
	return true, nil
}

// resent copies every file of a committed run into the one that follows.
func resent(t *testing.T, f *fixture) *fixture {
	t.Helper()
	next := *f
	next.run, next.planner = proto.CloneOf(f.run), &memPlanner{}
	next.run.RunId = strings.TrimSuffix(f.run.GetRunId(), "1") + "2"
	next.planner.plan.Run = proto.CloneOf(f.planner.plan.Run)
	next.planner.plan.Run.Ref, next.planner.plan.Run.ResendsRunId = next.run, f.run.GetRunId()
	committer := *f.committer
	committer.Planner = next.planner
	next.committer = &committer
	resender := &resend.Resender{
		Planner: resending{next.planner, f.planner}, Revisions: f.committer.Revisions, Buckets: f.committer.Buckets, Tel: f.committer.Tel,
	}
	for _, r := range f.planner.plan.Receipts {
		work := &taskv1.CopyWork{Table: r.GetTable(), PartIndex: r.GetPartIndex(), SourceRunId: f.run.GetRunId()}
		if err := resender.Copy(t.Context(), next.run, work, 1, func() {}); err != nil {
			t.Fatal(err)
		}
	}
	return &next
}

// TestResentFilesAreADropOfTheirOwn commits copies: the same bytes, which name the run that wrote them first.
func TestResentFilesAreADropOfTheirOwn(t *testing.T) {
	first := newFixture(t)
	if err := first.commit(t); err != nil {
		t.Fatal(err)
	}
	second := resent(t, first)
	if err := second.commit(t); err != nil {
		t.Fatal(err)
	}
	if m := second.complete(t); m.ResendsRunID != first.run.GetRunId() || m.RunID != second.run.GetRunId() {
		t.Errorf("the manifest of %s says that it resends %q", m.RunID, m.ResendsRunID)
	}
	if first.complete(t).ResendsRunID != "" || second.latest(t).RunID != second.run.GetRunId() {
		t.Errorf("latest.json names %s, want the second run", second.latest(t).RunID)
	}
	for i, r := range second.planner.plan.Receipts {
		if !bytes.Equal(second.get(t, r.GetKey()), first.get(t, first.planner.plan.Receipts[i].GetKey())) {
			t.Errorf("%s is not the same file", r.GetKey())
		}
	}
}

// TestFilesOfAnotherRunAreNoDrop commits copies for a run that says nothing of resending.
func TestFilesOfAnotherRunAreNoDrop(t *testing.T) {
	first := newFixture(t)
	if err := first.commit(t); err != nil {
		t.Fatal(err)
	}
	second := resent(t, first)
	second.planner.plan.Run.ResendsRunId = ""
	if err := second.commit(t); fault.ReasonOf(err) != fault.ReasonReadBackMismatch || fault.Retryable(err) {
		t.Errorf("commit = %v, want READ_BACK_MISMATCH, never retried", err)
	}
}
