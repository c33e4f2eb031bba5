package run

import (
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/fault"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
)

var over = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// TestOverdue keeps the newest drop of each export, whatever was kept longest, and of a date the one that was read last.
func TestOverdue(t *testing.T) {
	kept := []Kept{
		{RunID: "acme-daily-20260110-1", ExpireTime: over.Add(1)},
		{RunID: "acme-daily-20260109-1", ExpireTime: over.Add(-1)},
		{RunID: "acme-daily-20260111-1", ExpireTime: over},
		{RunID: "globex-daily-20260101-1", ExpireTime: over.Add(-1)},
		{RunID: "initech-daily-20251230-1", ExpireTime: time.Time{}}, // never to be deleted
		{RunID: "initech-daily-20251231-1", ExpireTime: over},
	}
	for name, test := range map[string]struct {
		archived string
		now      time.Time
		want     []string
	}{
		"a moment before":     {"", over.Add(-2), nil},
		"the oldest":          {"", over.Add(-1), []string{"acme-daily-20260109-1"}},
		"all but the newest":  {"", over.Add(1), []string{"acme-daily-20260109-1", "acme-daily-20260110-1"}},
		"an archived export":  {"globex-daily", over, []string{"globex-daily-20260101-1", "acme-daily-20260109-1"}},
		"its other drops too": {"acme-daily", over, []string{"acme-daily-20260109-1", "acme-daily-20260111-1"}},
	} {
		var got []string
		for _, due := range Overdue(kept, func(exportID string) bool { return exportID == test.archived }, test.now) {
			if got = append(got, due.RunID); due.By != nil {
				t.Errorf("%s: run %s is superseded by %v", name, due.RunID, due.By)
			}
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: Overdue = %q, want %q", name, got, test.want)
		}
	}
}

// TestSupersededDropsGo long before their time, once the last of their date has stood for a while.
func TestSupersededDropsGo(t *testing.T) {
	kept := func(id string, committed time.Time) Kept {
		return Kept{RunID: id, Ref: &taskv1.RunRef{RunId: id}, CommitTime: committed, ExpireTime: over.AddDate(1, 0, 0)}
	}
	last := over.Add(-Handover)
	all := []Kept{
		kept("acme-daily-20260110-2", over.Add(-2*Handover)), kept("acme-daily-20260110-10", last), kept("acme-daily-20260110-1", over.Add(-3*Handover)),
		kept("acme-daily-20260111-1", last), kept("acme-daily-weekly-20260110-11", last), kept("acme-20260110-12", last),
	}
	for now, want := range map[time.Time][]string{over.Add(-1): nil, over: {"acme-daily-20260110-1", "acme-daily-20260110-2"}} {
		var got []string
		for _, due := range Overdue(all, func(string) bool { return false }, now) {
			if got = append(got, due.RunID); due.By.GetRunId() != "acme-daily-20260110-10" {
				t.Errorf("at %s: run %s is superseded by %q", now, due.RunID, due.By.GetRunId())
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("at %s: Overdue = %q, want %q", now, got, want)
		}
	}
}

// TestAgeGoesBeforePlace has both drops of a date go for their age, so that neither waits for the other.
func TestAgeGoesBeforePlace(t *testing.T) {
	var kept []Kept
	for _, id := range []string{"acme-daily-20260110-1", "acme-daily-20260110-2", "acme-daily-20260111-1"} {
		kept = append(kept, Kept{RunID: id, Ref: &taskv1.RunRef{RunId: id}, CommitTime: over.AddDate(0, -1, 0), ExpireTime: over})
	}
	due := Overdue(kept, func(string) bool { return false }, over)
	if len(due) != 2 || due[0].By != nil || due[1].By != nil {
		t.Errorf("due are %v, want both of the older date, for nobody", due)
	}
}

// TestExpire takes a drop from its commit to its end.
func TestExpire(t *testing.T) {
	r := inState(t, Committed)
	r.ExpireTime = timestamppb.New(over)
	if Expire(r, nil, over.Add(-1)) || r.GetState() != Committed || len(Outstanding(r)) != 0 {
		t.Errorf("a moment before its time the run is %s with %v to do", Word(r.GetState()), Outstanding(r))
	}
	if _, err := NoteExpired(r); fault.ReasonOf(err) != fault.ReasonNotDue {
		t.Errorf("noting the expiry of a drop that is kept = %v, want NOT_DUE", err)
	}
	if !Expire(r, nil, over) || r.GetState() != Expiring || Expire(r, nil, over) {
		t.Errorf("at its time the run is %s, want expiring, once", Word(r.GetState()))
	}
	if left := Outstanding(r); len(left) != 1 || Kind(left[0]) != KindExpire || left[0].GetTaskId() != r.GetRef().GetRunId()+".expire" {
		t.Errorf("left to do is %v, want the deletion", left)
	}
	for _, want := range []bool{true, false} {
		if changed, err := NoteExpired(r); changed != want || err != nil || r.GetState() != Expired || len(Outstanding(r)) != 0 {
			t.Errorf("noting the expiry = %v, %v; the run is %s with %v to do", changed, err, Word(r.GetState()), Outstanding(r))
		}
	}
}

// TestADeletionThatIsRefusedIsNotAskedForAgain until an operator requeues it.
func TestADeletionThatIsRefusedIsNotAskedForAgain(t *testing.T) {
	r := inState(t, Expiring)
	f := &planv1.Failure{TaskId: expireID(r), Attempt: 1, Reason: string(fault.ReasonBucketDenied), FailTime: timestamppb.New(over)}
	if Fail(r, f); r.GetState() != Expiring || len(Outstanding(r)) != 0 {
		t.Errorf("refused, the run is %s with %v to do; want expiring and nothing", Word(r.GetState()), Outstanding(r))
	}
	if err := Revive(r, expireID(r), []*planv1.Failure{f}, act("RequeueTask")); err != nil {
		t.Error(err)
	}
	if Forget(r, map[string]int32{expireID(r): 1}); r.GetState() != Expiring || len(Outstanding(r)) != 1 {
		t.Errorf("requeued, the run is %s with %v to do; want expiring and the deletion", Word(r.GetState()), Outstanding(r))
	}
}

func TestADeletionEndsNoRunTwice(t *testing.T) {
	for _, s := range []planv1.RunState{Expiring, Expired} {
		r := inState(t, s)
		if _, err := Cancel(r, act("CancelRun")); fault.ReasonOf(err) != fault.ReasonRunEnded {
			t.Errorf("cancelling a run that is %s = %v, want RUN_ENDED", Word(s), err)
		}
		if _, err := Resend(r, act("Resend"), over); fault.ReasonOf(err) != fault.ReasonNotCommitted {
			t.Errorf("resending a run that is %s = %v, want NOT_COMMITTED", Word(s), err)
		}
	}
}
