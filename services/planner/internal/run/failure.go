package run

import (
	"slices"
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

// Fail notes a failed attempt. A task that is given up fails the run, unless another attempt had done it before or somebody
// was only away: then it is done later, see Until. A row outside the scope quarantines the run whatever else is said. A
// committed run keeps its state: its drop is visible. So does one whose commit was given up without an answer: the drop may
// be visible, and only another look can tell; and one that has ended. It says whether the run changed: the same failure,
// reported again, does not change it.
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
	if len(r.Failures) > maxFailures {
		i := dispensable(r.GetFailures())
		r.Failures = slices.Delete(r.Failures, i, i+1)
	}
	return true
}

// after is the state that follows a failure.
func after(r *planv1.Run, f *planv1.Failure) planv1.RunState {
	switch s := r.GetState(); {
	case Delivered(r) || s == Quarantined:
		return s
	case f.GetReason() == string(fault.ReasonScopeViolation):
		return Quarantined
	case f.GetWillRetry() || Ended(r) || Settled(r, f.GetTaskId()) || passing(r, f):
		return s
	default:
		return Failed
	}
}

// dispensable is the oldest failure that was tried again, or the oldest: why a task was given up, and how often, is kept
// for as long as there is room.
func dispensable(failures []*planv1.Failure) int {
	return max(0, slices.IndexFunc(failures, func(f *planv1.Failure) bool { return f.GetWillRetry() }))
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
