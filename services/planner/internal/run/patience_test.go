package run

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/fault"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
)

// TestWhatAGiveUpSays gives up a measure, an extract and a commit for every reason that may be nobody's fault.
func TestWhatAGiveUpSays(t *testing.T) {
	for reason, want := range map[fault.Reason][3]planv1.RunState{
		fault.ReasonUnavailable:       {Measuring, Extracting, Committing},
		fault.ReasonSourceUnavailable: {Measuring, Extracting, Committing},
		fault.ReasonSourceStalled:     {Measuring, Extracting, Committing},
		fault.ReasonBucketUnavailable: {Measuring, Extracting, Committing},
		fault.ReasonDeadline:          {Measuring, Extracting, Committing},
		fault.ReasonExhausted:         {Measuring, Extracting, Committing},
		fault.ReasonCanceled:          {Measuring, Extracting, Committing},
		// A commit may have done its work before it crashed.
		fault.ReasonPanic:             {Failed, Failed, Committing},
		fault.ReasonInternal:          {Failed, Failed, Committing},
		fault.ReasonAttemptsExhausted: {Failed, Failed, Committing},
		fault.ReasonSourceAsOfGone:    {Failed, Failed, Failed},
		fault.ReasonSourceRefused:     {Failed, Failed, Failed},
		fault.ReasonReadBackMismatch:  {Failed, Failed, Failed},
		fault.ReasonUploadGone:        {Failed, Failed, Failed},
		fault.ReasonBucketDenied:      {Failed, Failed, Failed},
	} {
		for i, r := range []*planv1.Run{sample("DIM_DATES"), extracting(t), committing(t)} {
			task := Outstanding(r)[0].GetTaskId()
			Fail(r, &planv1.Failure{TaskId: task, Reason: string(reason), Attempt: 5, FailTime: timestamppb.New(noon)})
			if r.GetState() != want[i] || len(r.GetFailures()) != 1 || GivenUp(r, task) != 1 {
				t.Errorf("%s given up for %s leaves the run %s, want %s", task, reason, Word(r.GetState()), Word(want[i]))
			}
			if held := !Until(r, task).IsZero(); held != (want[i] != Failed) {
				t.Errorf("%s given up for %s: held %v", task, reason, held)
			}
		}
	}
}

func TestTheWaitDoublesUpToAQuarterOfAnHour(t *testing.T) {
	r := extracting(t)
	task := Outstanding(r)[1].GetTaskId()
	if got := Until(r, task); !got.IsZero() {
		t.Errorf("a task that was never given up is held until %s", got)
	}
	for i, want := range []time.Duration{1, 2, 4, 8, 15, 15, 15} {
		at := noon.Add(time.Duration(i) * time.Hour)
		Fail(r, &planv1.Failure{TaskId: task, Reason: string(fault.ReasonSourceUnavailable), Attempt: 5, FailTime: timestamppb.New(at)})
		if got := Until(r, task).Sub(at); got != want*time.Minute {
			t.Errorf("after %d times the wait is %s, want %s", i+1, got, want*time.Minute)
		}
	}
	if got := Until(r, Outstanding(r)[0].GetTaskId()); !got.IsZero() {
		t.Errorf("another task is held until %s", got)
	}
}

// TestWorkersThatCrashArePoison tells a task at which workers crash from one that met somebody who was away.
func TestWorkersThatCrashArePoison(t *testing.T) {
	away := &planv1.Failure{Reason: string(fault.ReasonSourceUnavailable), Attempt: 1, WillRetry: true}
	awayAtLast := &planv1.Failure{Reason: string(fault.ReasonSourceUnavailable), Attempt: 5}
	truncated := &planv1.Failure{Reason: string(fault.ReasonSourceTruncated), Attempt: 2, WillRetry: true}
	unanswered := &planv1.Failure{Reason: string(fault.ReasonAttemptsExhausted), Attempt: 5}
	for _, test := range []struct {
		name string
		all  []*planv1.Failure
		want planv1.RunState
	}{
		{"no answer at all", []*planv1.Failure{unanswered}, Failed},
		{"another answer before", []*planv1.Failure{truncated, unanswered}, Failed},
		{"somebody away before", []*planv1.Failure{away, truncated, unanswered}, Extracting},
		{"the end reported, but not moved to DEAD", []*planv1.Failure{awayAtLast, unanswered}, Extracting},
		{"no answer in the next round either", []*planv1.Failure{away, unanswered, unanswered}, Failed},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := extracting(t)
			task := Outstanding(r)[0].GetTaskId()
			for i, f := range test.all {
				f = proto.CloneOf(f)
				f.TaskId, f.FailTime = task, timestamppb.New(noon.Add(time.Duration(i)*time.Hour))
				Fail(r, f)
			}
			if r.GetState() != test.want {
				t.Errorf("the run is %s, want %s", Word(r.GetState()), Word(test.want))
			}
		})
	}
}

// TestWhyATaskWasGivenUpIsKept fills a record with attempts that were tried again.
func TestWhyATaskWasGivenUpIsKept(t *testing.T) {
	r := extracting(t)
	Fail(r, &planv1.Failure{TaskId: "a", Reason: string(fault.ReasonUnavailable)})
	for attempt := range int32(250) {
		Fail(r, &planv1.Failure{TaskId: "b", Attempt: attempt, WillRetry: true})
	}
	if len(r.GetFailures()) != maxFailures || GivenUp(r, "a") != 1 {
		t.Errorf("of %d failures none says that a task was given up", len(r.GetFailures()))
	}
}

func TestGivenUpCountsFinalFailuresOfOneTask(t *testing.T) {
	r := extracting(t)
	for i, f := range []*planv1.Failure{{TaskId: "a", WillRetry: true}, {TaskId: "a"}, {TaskId: "b"}, {TaskId: "a"}} {
		f.Attempt = int32(i)
		Fail(r, f)
	}
	for task, want := range map[string]int32{"a": 2, "b": 1, "c": 0} {
		if got := GivenUp(r, task); got != want {
			t.Errorf("GivenUp(%s) = %d, want %d", task, got, want)
		}
	}
}

// TestGivenUpCatchesUp notes a give-up of which the record missed the one before: the second has the cause of the last that
// is on record, and counts nevertheless, once.
func TestGivenUpCatchesUp(t *testing.T) {
	r := committing(t)
	cause := &planv1.Failure{TaskId: commitID(r), Attempt: 5, Reason: string(fault.ReasonUnavailable)}
	Fail(r, proto.CloneOf(cause))
	cause.GivenUpCount = 2
	for _, want := range []bool{true, false} {
		if changed := Fail(r, proto.CloneOf(cause)); changed != want || GivenUp(r, commitID(r)) != 2 {
			t.Errorf("Fail = %v, given up %d times, want %v and 2", changed, GivenUp(r, commitID(r)), want)
		}
	}
}

// TestRecount takes back what two attempts reported of one end.
func TestRecount(t *testing.T) {
	r := extracting(t)
	for attempt := range int32(3) {
		Fail(r, &planv1.Failure{TaskId: "a", Attempt: attempt, Reason: string(fault.ReasonUnavailable)})
		Fail(r, &planv1.Failure{TaskId: "b", Attempt: attempt, Reason: string(fault.ReasonUnavailable)})
	}
	for _, want := range []bool{true, false} {
		if changed := Recount(r, "a", 2); changed != want || GivenUp(r, "a") != 2 || GivenUp(r, "b") != 3 {
			t.Errorf("Recount = %v, given up %d and %d times, want %v, 2 and 3", changed, GivenUp(r, "a"), GivenUp(r, "b"), want)
		}
	}
	Fail(r, &planv1.Failure{TaskId: "a", Attempt: 9, Reason: string(fault.ReasonUnavailable)})
	if got := GivenUp(r, "a"); got != 3 {
		t.Errorf("after one more it was given up %d times, want 3", got)
	}
}
