package run

import (
	"time"

	"github.com/customer-exports/exports/pkg/fault"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
)

// A task that was given up because somebody was away is done again after a wait that doubles from the one to the other.
const (
	firstWait = time.Minute
	lastWait  = 15 * time.Minute
)

// Until is when a task may be queued that was given up because somebody was away; the zero time for any other. There is no
// last time: the drop is owed for as long as nobody says no, and the source or the bucket does so when it is too late.
func Until(r *planv1.Run, taskID string) time.Time {
	last := lastGivenUp(r, taskID)
	if last == nil || !passing(r, last) {
		return time.Time{}
	}
	wait := lastWait
	if n := last.GetGivenUpCount(); n < 5 {
		wait = min(firstWait<<max(n-1, 0), lastWait)
	}
	return last.GetFailTime().AsTime().Add(wait)
}

// GivenUp is how often the record says that a task was given up.
func GivenUp(r *planv1.Run, taskID string) int32 { return lastGivenUp(r, taskID).GetGivenUpCount() }

func lastGivenUp(r *planv1.Run, taskID string) (last *planv1.Failure) {
	for _, f := range r.GetFailures() {
		if f.GetTaskId() == taskID && f.GetGivenUpCount() > 0 && f.GetGivenUpCount() >= last.GetGivenUpCount() {
			last = f
		}
	}
	return last
}

// Recount notes that a task was given up that often and not more: two attempts at one task both reported its end. It says
// whether the record changed.
func Recount(r *planv1.Run, taskID string, times int32) (changed bool) {
	for _, f := range r.GetFailures() {
		if f.GetTaskId() == taskID && f.GetGivenUpCount() > times {
			f.GivenUpCount, changed = times, true
		}
	}
	return changed
}

// passing says that a task was given up for nothing that is wrong with itself. A measure or extract at which workers
// crashed is poison, unless somebody was away at an attempt before. A commit is not: it may have done its work and crashed
// after it.
func passing(r *planv1.Run, f *planv1.Failure) bool {
	switch reason := fault.Reason(f.GetReason()); reason {
	case fault.ReasonInternal, fault.ReasonPanic:
		return f.GetTaskId() == commitID(r)
	case fault.ReasonAttemptsExhausted:
		return f.GetTaskId() == commitID(r) || awayBefore(r, f)
	default:
		return away(reason)
	}
}

// awayBefore says that somebody was away at an attempt since the task was given up before f, or when it was: a task whose end
// was reported is given up once more, without an answer, when it could not be moved to DEAD.
func awayBefore(r *planv1.Run, f *planv1.Failure) (found bool) {
	for _, before := range r.GetFailures() {
		switch {
		case before == f:
			return found
		case before.GetTaskId() != f.GetTaskId():
		case before.GetWillRetry():
			found = found || away(fault.Reason(before.GetReason()))
		default:
			found = away(fault.Reason(before.GetReason()))
		}
	}
	return found
}

// away holds for reasons that say nothing about the task: a service, the source or the bucket did not answer.
func away(reason fault.Reason) bool {
	switch reason {
	case fault.ReasonUnavailable, fault.ReasonSourceUnavailable, fault.ReasonSourceStalled, fault.ReasonBucketUnavailable,
		fault.ReasonExhausted, fault.ReasonDeadline, fault.ReasonCanceled:
		return true
	default:
		return false
	}
}
