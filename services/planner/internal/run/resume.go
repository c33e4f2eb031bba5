package run

import (
	"time"

	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
)

// maxDoublings bounds the wait between resumptions to 16 times the first.
const maxDoublings = 4

// Resumption is the last time that the outstanding tasks of a run were queued again; the zero value means never.
type Resumption struct {
	Time time.Time
	// Count is how often that happened since the run last changed.
	Count int
}

// Resume says whether the outstanding tasks are to be queued again, because the run has not changed for a while, and the
// resumption to note. The wait doubles each time: a run that only waits its turn in a long queue must not make the queue
// longer and longer.
func Resume(r *planv1.Run, last Resumption, now time.Time, wait time.Duration) (Resumption, bool) {
	if Ended(r) {
		return last, false
	}
	since := r.GetUpdateTime().AsTime()
	if last.Time.After(since) {
		since = last.Time
		wait <<= min(last.Count, maxDoublings)
	} else {
		last.Count = 0
	}
	if now.Sub(since) < wait {
		return last, false
	}
	return Resumption{Time: now, Count: last.Count + 1}, true
}
