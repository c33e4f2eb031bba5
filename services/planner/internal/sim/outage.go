package sim

import (
	"time"

	"github.com/customer-exports/exports/pkg/fault"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
)

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
	if t.GetCommit() == nil && w.now.Before(w.away[source]) {
		return fault.New(fault.Unavailable, fault.ReasonSourceUnavailable, "the source is away")
	}
	if t.GetMeasure() == nil && w.now.Before(w.away[t.GetRun().GetCustomerId()]) {
		return fault.New(fault.Unavailable, fault.ReasonBucketUnavailable, "the bucket is away")
	}
	return nil
}
