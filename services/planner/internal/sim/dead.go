package sim

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/fault"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
)

// dedupeFor is JetStream's window, within which DEAD takes a message once.
const dedupeFor = 2 * time.Minute

// excuses is how often a task that met somebody who was away may be given up without an answer before that counts as its
// own fault: when the answer was lost, too, and once more.
const excuses = 2

// death is what the stream DEAD knows of a task.
type death struct {
	count    int
	sequence uint64 // of the message that died last
	at       time.Time
	cause    *planv1.Failure
	poison   bool // it died of itself
}

// GivenUp is part of plan.Queue.
func (w *world) GivenUp(_ context.Context, t *taskv1.Task) (times int, cause *planv1.Failure, err error) {
	err = w.call(func() error {
		if d := w.dead[t.GetTaskId()]; d != nil {
			times, cause = d.count, proto.CloneOf(d.cause)
		}
		return nil
	})
	return times, cause, err
}

// bury copies a task to DEAD, then ends it.
func (w *world) bury(m *message, cause error) {
	if err := w.call(func() error { w.parked(m, cause); return nil }); err != nil {
		return // it comes again, or is found exhausted
	}
	_ = w.call(func() error { w.queue.settle(m); return nil })
}

func (w *world) parked(m *message, cause error) {
	id := m.task.GetTaskId()
	d := w.dead[id]
	if d == nil {
		d = &death{}
		w.dead[id] = d
	}
	if d.count > 0 && d.sequence == m.sequence && w.now.Sub(d.at) < dedupeFor {
		return
	}
	w.seen.Parked++
	reason := fault.ReasonOf(cause)
	switch reason {
	case fault.ReasonSourceTruncated, fault.ReasonFileGone:
		d.poison = true
	case fault.ReasonAttemptsExhausted:
		d.poison = w.deadly(id) && w.excused[id] == 0
		w.excused[id] = max(0, w.excused[id]-1)
	default:
		d.poison, w.excused[id] = false, excuses
	}
	d.count, d.sequence, d.at = d.count+1, m.sequence, w.now
	d.cause = &planv1.Failure{
		TaskId: id, Table: tableOf(m.task), Attempt: int32(m.deliveries), //nolint:gosec // at most maxDeliver
		Reason: string(reason), Message: cause.Error(), FailTime: timestamppb.New(w.now),
	}
}

// buryExhausted moves a task to DEAD whose workers crashed each time, as the server's advisory makes pkg/bus do.
func (w *world) buryExhausted() {
	if m := w.queue.exhausted(); m != nil {
		w.bury(m, fault.New(fault.Unavailable, fault.ReasonAttemptsExhausted, "%s", fmt.Sprint(m.deliveries, " attempts ended without an answer")))
	}
}
