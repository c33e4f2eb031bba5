package run

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/customer-exports/exports/pkg/fault"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
)

var asked = &planv1.Act{Method: "RequeueTask", Author: "ann@example.com", Reason: "the source is back"}

// givenUp is a task that was given up so often, for the last time by a reason.
func givenUp(taskID string, times int32, reason fault.Reason) *planv1.Failure {
	return &planv1.Failure{TaskId: taskID, Attempt: 5, Reason: string(reason), GivenUpCount: times}
}

// failedBy ends a run by a task, as a report does.
func failedBy(t *testing.T, r *planv1.Run, taskID string) *planv1.Run {
	t.Helper()
	if Fail(r, &planv1.Failure{TaskId: taskID, Attempt: 5, Reason: string(fault.ReasonSourceRefused)}); r.GetState() != Failed {
		t.Fatalf("the run is %s, want it failed", Word(r.GetState()))
	}
	return r
}

// A run goes on where its record stands, and waits for the task again.
func TestRevive(t *testing.T) {
	for name, test := range map[string]struct {
		run  *planv1.Run
		task func(*planv1.Run) string
		want planv1.RunState
	}{
		"not measured":   {sample("DIM_DATES", "FACT_REVIEWS"), measureID, Measuring},
		"parts missing":  {extracting(t), func(r *planv1.Run) string { return parts(r)[0].GetTaskId() }, Extracting},
		"all received":   {committing(t), commitID, Committing},
		"another's part": {extracting(t), func(r *planv1.Run) string { return parts(r)[1].GetTaskId() }, Extracting},
	} {
		r, task := test.run, test.task(test.run)
		failedBy(t, r, task)
		if err := Revive(r, task, []*planv1.Failure{givenUp(task, 1, fault.ReasonSourceRefused)}, asked); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if r.GetState() != test.want || !waitsFor(r, task) {
			t.Errorf("%s: the run is %s and waits for %v", name, Word(r.GetState()), Outstanding(r))
		}
		if diff := cmp.Diff([]*planv1.Act{asked}, r.GetActs(), protocmp.Transform()); diff != "" || len(r.GetFailures()) != 1 {
			t.Errorf("%s: %d failures, acts (-want +got):\n%s", name, len(r.GetFailures()), diff)
		}
	}
}

// Whatever else died while the run was over is noted, or the next look at it would end the run again.
func TestReviveNotesEveryDeath(t *testing.T) {
	r := extracting(t)
	first, second := parts(r)[0].GetTaskId(), parts(r)[1].GetTaskId()
	failedBy(t, r, first)
	deaths := []*planv1.Failure{givenUp(first, 1, fault.ReasonSourceRefused), givenUp(second, 2, fault.ReasonAttemptsExhausted)}
	if err := Revive(r, first, deaths, asked); err != nil {
		t.Fatal(err)
	}
	if GivenUp(r, first) != 1 || GivenUp(r, second) != 2 || r.GetState() != Extracting {
		t.Errorf("given up %d and %d times, the run is %s; want 1, 2 and extracting", GivenUp(r, first), GivenUp(r, second), Word(r.GetState()))
	}
}

func TestReviveRefuses(t *testing.T) {
	committed, quarantined, cancelled := committing(t), extracting(t), extracting(t)
	if _, err := Commit(committed, "manifest.json", time.Now(), time.Time{}); err != nil {
		t.Fatal(err)
	}
	Fail(quarantined, &planv1.Failure{TaskId: "x", Reason: string(fault.ReasonScopeViolation)})
	cancelled.State = Cancelled
	part := parts(extracting(t))[0].GetTaskId()
	unheard := failedBy(t, extracting(t), part)
	settled := failedBy(t, committing(t), commitID(committed))
	for name, test := range map[string]struct {
		run    *planv1.Run
		task   string
		deaths []*planv1.Failure
		want   fault.Reason
	}{
		"committed":                {committed, commitID(committed), nil, fault.ReasonRunEnded},
		"cancelled":                {cancelled, part, nil, fault.ReasonRunEnded},
		"quarantined":              {quarantined, part, nil, fault.ReasonQuarantined},
		"a violation nobody heard": {unheard, part, []*planv1.Failure{givenUp(part, 2, fault.ReasonScopeViolation)}, fault.ReasonQuarantined},
		"received by another":      {settled, part, nil, fault.ReasonTaskSettled},
		"measured by another":      {failedBy(t, extracting(t), part), measureID(committed), nil, fault.ReasonTaskSettled},
	} {
		if err := Revive(test.run, test.task, test.deaths, asked); fault.KindOf(err) != fault.State || fault.ReasonOf(err) != test.want {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
}

// A run whose task was given up because the bucket was away goes on by itself; the task need not wait its time, though.
func TestReviveOfARunThatGoesOn(t *testing.T) {
	r := committing(t)
	Fail(r, &planv1.Failure{TaskId: commitID(r), Reason: string(fault.ReasonBucketUnavailable)})
	if err := Revive(r, commitID(r), nil, asked); err != nil || r.GetState() != Committing {
		t.Errorf("%v, the run is %s; want committing", err, Word(r.GetState()))
	}
}

// A cancelled run stays so; that its uploads are aborted can be asked for once more.
func TestReviveTheClearingUp(t *testing.T) {
	r := extracting(t)
	r.State = Cancelled
	Fail(r, &planv1.Failure{TaskId: abortID(r), Reason: string(fault.ReasonBucketDenied)})
	if len(Outstanding(r)) != 0 {
		t.Fatal("a refused abort is queued again by itself")
	}
	if err := Revive(r, abortID(r), nil, asked); err != nil || r.GetState() != Cancelled {
		t.Fatalf("%v, the run is %s; want cancelled", err, Word(r.GetState()))
	}
	if Forget(r, map[string]int32{abortID(r): 1}); len(Outstanding(r)) != 1 {
		t.Error("the abort is not queued again")
	}
	r.UploadsAborted = true
	if err := Revive(r, abortID(r), nil, asked); fault.ReasonOf(err) != fault.ReasonTaskSettled {
		t.Errorf("when nothing is left to abort: %v", err)
	}
}

// What is dead no more counts no more; what died meanwhile does.
func TestForget(t *testing.T) {
	r := extracting(t)
	id, other := parts(r)[0].GetTaskId(), parts(r)[1].GetTaskId()
	for i := range 3 { // the third is a death since
		Fail(r, &planv1.Failure{TaskId: id, Attempt: int32(i), Reason: string(fault.ReasonSourceUnavailable)})
	}
	Fail(r, givenUp(other, 1, fault.ReasonSourceRefused))
	if !Forget(r, map[string]int32{id: 2}) || GivenUp(r, id) != 1 || GivenUp(r, other) != 1 {
		t.Errorf("given up %d times, another %d; want 1 and 1", GivenUp(r, id), GivenUp(r, other))
	}
	if !Forget(r, map[string]int32{id: 1}) || GivenUp(r, id) != 0 || !Until(r, id).IsZero() {
		t.Errorf("given up %d times, held until %s; want neither", GivenUp(r, id), Until(r, id))
	}
	if Forget(r, map[string]int32{id: 1}) || Forget(r, nil) {
		t.Error("forgetting nothing changed the run")
	}
}
