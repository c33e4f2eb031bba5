package run

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/customer-exports/exports/pkg/fault"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
)

func act(method string) *planv1.Act {
	return &planv1.Act{Method: method, Author: "ann@example.com", Reason: "ticket 4711"}
}

// inState is a run with two parts received of three, brought into a state.
func inState(t testing.TB, s planv1.RunState) *planv1.Run {
	t.Helper()
	r := extracting(t)
	for _, receipt := range receipts(r)[:2] {
		if _, err := Receive(r, receipt); err != nil {
			t.Fatal(err)
		}
	}
	r.State = s
	return r
}

func TestCancel(t *testing.T) {
	for _, test := range []struct {
		state   planv1.RunState
		want    planv1.RunState
		changed bool
		reason  fault.Reason
	}{
		{Measuring, Cancelled, true, ""},
		{Extracting, Cancelled, true, ""},
		{Cancelled, Cancelled, false, ""},
		{Committing, Committing, false, fault.ReasonCommitBegun},
		{Committed, Committed, false, fault.ReasonRunEnded},
		{Failed, Failed, false, fault.ReasonRunEnded},
		{Quarantined, Quarantined, false, fault.ReasonRunEnded},
	} {
		r := inState(t, test.state)
		changed, err := Cancel(r, act("CancelRun"))
		if changed != test.changed || fault.ReasonOf(err) != test.reason || r.GetState() != test.want || (err != nil && fault.KindOf(err) != fault.State) {
			t.Errorf("cancelling a run that is %s = %v, %v, then %s; want %v, %s, %s",
				Word(test.state), changed, err, Word(r.GetState()), test.changed, test.reason, Word(test.want))
		}
		if noted := len(r.GetActs()) == 1 && r.GetActs()[0].GetAuthor() == "ann@example.com"; noted != test.changed {
			t.Errorf("cancelling a run that is %s noted %v", Word(test.state), r.GetActs())
		}
	}
}

// TestNothingIsAcceptedAfterACancel cancels at any point of a run: from then on no report but the abort changes it, and
// nothing but the abort is left to do.
func TestNothingIsAcceptedAfterACancel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := sample("DIM_DATES", "FACT_REVIEWS")
		if rapid.Bool().Draw(rt, "measured") {
			r = extracting(t)
			for _, receipt := range receipts(r)[:rapid.IntRange(0, 2).Draw(rt, "received")] {
				if _, err := Receive(r, receipt); err != nil {
					rt.Fatal(err)
				}
			}
		}
		cut := len(Parts(r)) > 0
		if changed, err := Cancel(r, act("CancelRun")); !changed || err != nil {
			rt.Fatalf("Cancel = %v, %v", changed, err)
		}
		before := proto.CloneOf(r)
		_, errMeasure := Measure(r, measured("DIM_DATES"), cutter)
		_, errReceive := Receive(r, receipts(extracting(t))[0])
		_, errCommit := Commit(r, "m.json", noon, time.Time{})
		for _, err := range []error{errMeasure, errReceive, errCommit, CheckWanted(r), CheckComplete(r)} {
			if fault.ReasonOf(err) != fault.ReasonNotActive {
				rt.Errorf("a report after the cancel = %v, want NOT_ACTIVE", err)
			}
		}
		if !proto.Equal(before, r) {
			rt.Error("a report changed a cancelled run")
		}
		if left := Outstanding(r); (len(left) == 1 && Kind(left[0]) == KindAbort) != cut || len(left) > 1 {
			rt.Errorf("left to do: %v; want an abort when parts were cut: %v", left, cut)
		}
	})
}

// TestUploadsAreAbortedOnce follows the uploads of a run that is over, a part that comes late included.
func TestUploadsAreAbortedOnce(t *testing.T) {
	for _, s := range []planv1.RunState{Cancelled, Quarantined} {
		t.Run(Word(s), func(t *testing.T) { uploadsAreAbortedOnce(t, s) })
	}
	for _, s := range []planv1.RunState{Extracting, Failed, Committed} {
		if _, err := Abort(inState(t, s)); fault.KindOf(err) != fault.Invalid {
			t.Errorf("aborting a run that is %s = %v, want Invalid", Word(s), err)
		}
	}
}

func uploadsAreAbortedOnce(t *testing.T, s planv1.RunState) {
	r := inState(t, s)
	if left := Outstanding(r); len(left) != 1 || Kind(left[0]) != KindAbort {
		t.Errorf("left to do is %v, want the abort", left)
	}
	if Stray(r) {
		t.Error("a part that came before the abort needs no other one")
	}
	for i, want := range []bool{true, false} {
		if changed, err := Abort(r); changed != want || err != nil {
			t.Errorf("abort %d = %v, %v; want %v", i, changed, err, want)
		}
	}
	if left := Outstanding(r); len(left) != 0 {
		t.Errorf("after the abort %v is left to do", left)
	}
	if !Stray(r) || len(Outstanding(r)) != 1 {
		t.Error("a part that came after the abort is not aborted")
	}
	Fail(r, &planv1.Failure{TaskId: abortID(r), Reason: "BUCKET_UNAVAILABLE"})
	if left := Outstanding(r); len(left) != 1 {
		t.Errorf("an abort that met no bucket leaves %v to do, want another try", left)
	}
	Fail(r, &planv1.Failure{TaskId: abortID(r), Reason: "BUCKET_DENIED"})
	if left := Outstanding(r); len(left) != 0 || r.GetState() != s {
		t.Errorf("an abort that was given up leaves %v to do in a run that is %s", left, Word(r.GetState()))
	}
}

// TestARowOutsideTheScopeOutweighsACancel reports one that an extractor met before it stopped.
func TestARowOutsideTheScopeOutweighsACancel(t *testing.T) {
	r := inState(t, Cancelled)
	if !Fail(r, &planv1.Failure{Reason: "SCOPE_VIOLATION"}) || r.GetState() != Quarantined {
		t.Errorf("the run is %s, want quarantined", Word(r.GetState()))
	}
}

func TestActsKeepTheLast(t *testing.T) {
	r := sample("DIM_DATES")
	for range maxActs {
		Note(r, act("RequeueTask"))
	}
	Note(r, act("CancelRun"))
	if got := r.GetActs(); len(got) != maxActs || got[maxActs-1].GetMethod() != "CancelRun" {
		t.Errorf("%d acts are kept, the last one %v", len(got), got[len(got)-1])
	}
}
