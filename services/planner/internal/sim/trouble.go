package sim

import (
	"slices"
	"time"

	"github.com/customer-exports/exports/pkg/fault"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/planner/internal/run"
)

// mishap is what happens to the queue without anybody's doing: a task is deleted by hand, the stream is wiped, or made
// anew, or restored from a backup, with tasks that were done long ago.
func (q *memQueue) mishap() {
	trouble := q.world.trouble
	switch {
	case q.world.chance(trouble.Delete) && len(q.messages) > 0:
		i := q.world.random.IntN(len(q.messages))
		q.messages = slices.Delete(q.messages, i, i+1)
		q.world.seen.Deleted++
	case q.world.chance(trouble.Wipe):
		q.messages = nil
		if q.world.chance(0.5) {
			q.last = 0
		}
		q.world.seen.Wiped++
	case q.world.chance(trouble.Restore):
		if q.backup != nil {
			q.messages, q.last = q.backup.copied(), q.backup.last
			q.world.seen.Restored++
		}
		q.backup = &memQueue{messages: q.copied(), last: q.last}
	}
}

// copied is the messages as they are now.
func (q *memQueue) copied() []*message {
	messages := make([]*message, len(q.messages))
	for i, m := range q.messages {
		same := *m
		messages[i] = &same
	}
	return messages
}

// longestOutage is how long the source or a bucket may be away.
const longestOutage = 12 * time.Hour

// source is away for everybody; a bucket, named by its customer, for one.
const source = "source"

// outage may begin at each step.
func (w *world) outage() {
	if !w.chance(w.trouble.Outage) {
		return
	}
	who := source
	if w.chance(0.5) {
		who = w.exports[w.random.IntN(len(w.exports))].GetCustomerId()
	}
	w.away[who] = w.now.Add(time.Duration(w.random.Int64N(int64(longestOutage))))
	w.seen.Outages++
}

// checkAway fails an attempt that needs somebody who is away.
func (w *world) checkAway(t *taskv1.Task) error {
	if run.AsksSource(run.Kind(t)) && w.now.Before(w.away[source]) {
		return fault.New(fault.Unavailable, fault.ReasonSourceUnavailable, "the source is away")
	}
	if t.GetMeasure() == nil && w.now.Before(w.away[t.GetRun().GetCustomerId()]) {
		return fault.New(fault.Unavailable, fault.ReasonBucketUnavailable, "the bucket is away")
	}
	return nil
}
