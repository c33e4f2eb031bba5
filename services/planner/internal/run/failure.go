package run

import (
	"strings"

	"github.com/customer-exports/exports/pkg/fault"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
)

const (
	// maxFailures is how many failures a record keeps; the contract of planv1.Run.
	maxFailures = 100
	// maxMessage is the longest message kept of one failure, in bytes.
	maxMessage = 500
)

// Fail notes a failed attempt. A task that is given up fails the run, unless another attempt had done it before; a row
// outside the scope quarantines the run whatever else is said. A committed run keeps its state: its drop is visible. So
// does one whose commit was given up without an answer: the drop may be visible, and only another look can tell. It says
// whether the run changed: the same failure, reported again, does not change it.
func Fail(r *planv1.Run, f *planv1.Failure) bool {
	if f.GetWillRetry() {
		f.GivenUpCount = 0
	}
	next := after(r, f)
	if known(r, f) && next == r.GetState() {
		return false
	}
	if !f.GetWillRetry() {
		f.GivenUpCount = max(f.GetGivenUpCount(), GivenUp(r, f.GetTaskId())+1)
	}
	r.State = next
	f.Message = clip(f.GetMessage())
	r.Failures = append(r.GetFailures(), f)
	if excess := len(r.Failures) - maxFailures; excess > 0 {
		r.Failures = r.Failures[excess:]
	}
	return true
}

// after is the state that follows a failure.
func after(r *planv1.Run, f *planv1.Failure) planv1.RunState {
	switch s := r.GetState(); {
	case s == Committed || s == Quarantined:
		return s
	case f.GetReason() == string(fault.ReasonScopeViolation):
		return Quarantined
	case f.GetWillRetry() || s == Failed || Settled(r, f.GetTaskId()):
		return s
	case f.GetTaskId() == commitID(r) && inconclusive(fault.Reason(f.GetReason())):
		return s // its tasks are queued again once it has stood still for a while
	default:
		return Failed
	}
}

// inconclusive holds for reasons that say nothing about the bucket: somebody was away, or stopped in the middle.
func inconclusive(r fault.Reason) bool {
	switch r {
	case fault.ReasonUnavailable, fault.ReasonBucketUnavailable, fault.ReasonDeadline, fault.ReasonCanceled, fault.ReasonExhausted,
		fault.ReasonInternal, fault.ReasonPanic, fault.ReasonAttemptsExhausted:
		return true
	default:
		return false
	}
}

// known says whether the failure is on record. Queueing a task again restarts its attempts, so the time counts too.
func known(r *planv1.Run, f *planv1.Failure) bool {
	if f.GetGivenUpCount() > GivenUp(r, f.GetTaskId()) {
		return false
	}
	for _, have := range r.GetFailures() {
		if have.GetTaskId() == f.GetTaskId() && have.GetAttempt() == f.GetAttempt() && have.GetReason() == f.GetReason() &&
			have.GetFailTime().AsTime().Equal(f.GetFailTime().AsTime()) {
			return true
		}
	}
	return false
}

// clip makes a message one line of bounded length.
func clip(message string) string {
	message = strings.Join(strings.Fields(message), " ")
	if len(message) > maxMessage {
		message = message[:maxMessage]
	}
	return strings.ToValidUTF8(message, "")
}

// Word is a state's name for people: measuring, extracting, ...
func Word(s planv1.RunState) string {
	return strings.ToLower(strings.TrimPrefix(s.String(), "RUN_STATE_"))
}

// GivenUp is how often the record says that a task was given up.
func GivenUp(r *planv1.Run, taskID string) (times int32) {
	for _, f := range r.GetFailures() {
		if f.GetTaskId() == taskID {
			times = max(times, f.GetGivenUpCount())
		}
	}
	return times
}
