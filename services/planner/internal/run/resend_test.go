package run

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/fault"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
)

// delivered is a run whose drop is there, with parts that have ranges.
func delivered(t testing.TB) *planv1.Run {
	t.Helper()
	r := ended(t, Committed)
	r.ManifestKey, r.CommitTime = "manifest.json", timestamppb.New(later)
	return r
}

func resent(t testing.TB, r *planv1.Run) *planv1.Run {
	t.Helper()
	next, err := Resend(r, act("Resend"), noon)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// TestAResendIsTheSameRunOnceMore compares the whole record.
func TestAResendIsTheSameRunOnceMore(t *testing.T) {
	r := delivered(t)
	want := proto.CloneOf(r)
	want.Ref.RunId, want.SupersedesRunId, want.ResendsRunId = "acme-daily-20260110-2", "acme-daily-20260110-1", "acme-daily-20260110-1"
	want.State, want.ManifestKey, want.CommitTime, want.Acts = Extracting, "", nil, []*planv1.Act{act("Resend")}
	want.CreateTime, want.UpdateTime = timestamppb.New(noon), timestamppb.New(noon)
	for _, table := range want.GetTables() {
		for _, p := range table.GetParts() {
			p.Received, p.RowCount, p.FileBytes, p.ArrowBytes = false, 0, 0, 0
		}
	}
	next := resent(t, r)
	if diff := cmp.Diff(want, next, protocmp.Transform()); diff != "" {
		t.Errorf("the new run differs (-want +got):\n%s", diff)
	}
	next.Tables[1].Parts[0].Range = &taskv1.SplitRange{From: "2000-01-01"}
	if proto.Equal(next.GetTables()[1].GetParts()[0].GetRange(), r.GetTables()[1].GetParts()[0].GetRange()) {
		t.Error("the two records share a range")
	}
}

func TestResendRefuses(t *testing.T) {
	for state, reason := range map[planv1.RunState]fault.Reason{
		Measuring: fault.ReasonRunNotEnded, Extracting: fault.ReasonRunNotEnded, Committing: fault.ReasonRunNotEnded,
		Failed: fault.ReasonNotCommitted, Cancelled: fault.ReasonNotCommitted, Quarantined: fault.ReasonQuarantined,
	} {
		if next, err := Resend(ended(t, state), act("Resend"), noon); fault.ReasonOf(err) != reason || fault.KindOf(err) != fault.State || next != nil {
			t.Errorf("a run that is %s: %v, %v; want %s", Word(state), next, err, reason)
		}
	}
}

// TestAResendWaitsForCopies has every part copied from the run that it follows, asks the source nothing, and commits.
func TestAResendWaitsForCopies(t *testing.T) {
	r := delivered(t)
	next := resent(t, r)
	tasks := Outstanding(next)
	if len(tasks) != len(Parts(r)) {
		t.Fatalf("it waits for %v, want a copy of each of %d parts", tasks, len(Parts(r)))
	}
	for i, part := range Parts(r) {
		copied := tasks[i].GetCopy()
		if Kind(tasks[i]) != KindCopy || AsksSource(Kind(tasks[i])) || copied.GetSourceRunId() != r.GetRef().GetRunId() ||
			copied.GetTable() != part.Table || copied.GetPartIndex() != part.Index {
			t.Errorf("part %v: it waits for %v", part, tasks[i])
		}
	}
	first := tasks[0].GetTaskId()
	for _, receipt := range receipts(next) {
		if _, err := Receive(next, receipt); err != nil {
			t.Fatal(err)
		}
	}
	if next.GetState() != Committing || !Settled(next, first) {
		t.Errorf("with every file copied it is %s, and task %s settled: %v", Word(next.GetState()), first, Settled(next, first))
	}
}

// TestAResendOfAResend copies from the run before, and names the one that read.
func TestAResendOfAResend(t *testing.T) {
	second := resent(t, delivered(t))
	second.State = Committed
	third := resent(t, second)
	if third.GetResendsRunId() != "acme-daily-20260110-1" || Outstanding(third)[0].GetCopy().GetSourceRunId() != "acme-daily-20260110-2" {
		t.Errorf("it resends %s, and copies by %v", third.GetResendsRunId(), Outstanding(third)[0])
	}
}

// TestAfterAResendThatFailedTheSourceIsRead re-extracts it, and requeues what was given up.
func TestAfterAResendThatFailedTheSourceIsRead(t *testing.T) {
	r := resent(t, delivered(t))
	task := Outstanding(r)[1].GetTaskId()
	failedBy(t, r, task)
	next, err := ReExtract(r, ownAsOf(r), act("ReExtract"), noon)
	if err != nil || Resends(next) || next.GetState() != Measuring || Kind(Outstanding(next)[0]) != KindMeasure {
		t.Errorf("read once more: %v, %v", next, err)
	}
	if err := Revive(r, task, []*planv1.Failure{givenUp(task, 1, fault.ReasonFileGone)}, asked); err != nil || r.GetState() != Extracting {
		t.Errorf("requeued: %v, the run is %s", err, Word(r.GetState()))
	}
}
