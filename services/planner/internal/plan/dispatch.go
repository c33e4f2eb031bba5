package plan

import (
	"context"
	"time"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/planner/internal/dispatch"
)

const (
	// dispatchTime bounds one dispatch that a report rang for.
	dispatchTime = time.Minute
	// The wait for a task to leave the queue after its report grows from the one to the other.
	shortestWait = 2 * time.Millisecond
	longestWait  = time.Second
)

// Dispatch queues the tasks that there is room for. The queue is read first and the records after it: whatever left the
// queue before was reported before. A task is queued only as long as no other was since, so that planners side by side
// never exceed a cap. It looks again until nothing changed in between; each time another planner got on, or this one
// learnt something.
func (p *Planner) Dispatch(ctx context.Context) (d dispatch.Decision, err error) {
	p.dispatching.Lock()
	defer p.dispatching.Unlock()
	for done := false; !done && err == nil; {
		var queue []dispatch.Queued
		var version uint64
		if queue, version, err = p.Queue.Look(ctx); err == nil {
			d = dispatch.Decide(p.rulesInForce(ctx), p.live.ready(p.Now(), p.SettleDelay), queue)
			done, err = p.queueAll(ctx, d.Queue, version)
		}
	}
	return d, err
}

func (p *Planner) rulesInForce(ctx context.Context) dispatch.Rules {
	if rules := p.rules.Load(); rules != nil {
		return *rules
	}
	return p.Rules(ctx)
}

// queueAll queues tasks in order. It says whether nothing stood against it: otherwise the decision was made on something
// old, and is to be made again.
func (p *Planner) queueAll(ctx context.Context, all []dispatch.Next, version uint64) (bool, error) {
	done := true
	for _, next := range all {
		r, t, err := p.confirm(ctx, next)
		if err == nil && t != nil {
			var queued bool
			if version, queued, err = p.queue(ctx, r, t, version); err == nil && !queued {
				return false, nil
			}
		}
		if err != nil {
			return false, p.setAside(ctx, next, err)
		}
		done = done && t != nil
	}
	return done, nil
}

// queue queues one task, unless the queue is at another version.
func (p *Planner) queue(ctx context.Context, r *planv1.Run, t *taskv1.Task, version uint64) (uint64, bool, error) {
	ctx = obs.ContextWithTraceparent(ctx, r.GetTraceparent())
	version, queued, err := p.Queue.Publish(ctx, t, version)
	if runID := r.GetRef().GetRunId(); queued && p.live.published(runID, t.GetTaskId()) {
		p.Tel.Logger.WarnContext(ctx, "task was in no queue any more, queued again", obs.KeyRunID, runID, obs.KeyTaskID, t.GetTaskId())
	}
	return version, queued, err
}

// confirm reads the run of a task again. There is no task when the run does not wait for it any more.
func (p *Planner) confirm(ctx context.Context, next dispatch.Next) (*planv1.Run, *taskv1.Task, error) {
	r, err := p.Store.Get(ctx, next.RunID)
	if err != nil {
		return nil, nil, err
	}
	for _, t := range p.live.note(r) {
		if t.GetTaskId() == next.Task.ID {
			alive, err := p.checkAlive(ctx, r, t)
			if err != nil || !alive {
				return nil, nil, err
			}
			return r, t, nil
		}
	}
	return nil, nil, nil
}

// setAside leaves a run out until the next tick, so that one which cannot be read or queued does not hold up the others.
// When the store or the queue is away, that goes for all, and the dispatch ends.
func (p *Planner) setAside(ctx context.Context, next dispatch.Next, err error) error {
	if fault.KindOf(err) == fault.Unavailable {
		return err
	}
	p.live.forget(next.RunID)
	p.Tel.Logger.ErrorContext(ctx, "run left out until the next tick, its task cannot be queued", obs.KeyRunID, next.RunID,
		obs.KeyTaskID, next.Task.ID, obs.KeyError, err, obs.KeyReason, fault.ReasonOf(err))
	return nil
}

// dispatchOnTick dispatches, and tells an operator when work waits.
func (p *Planner) dispatchOnTick(ctx context.Context) error {
	d, err := p.Dispatch(ctx)
	if d.Waiting > 0 {
		p.Tel.Logger.InfoContext(ctx, "tasks wait for room in the queue", obs.KeyInFlight, d.InFlight+len(d.Queue), obs.KeyWaiting, d.Waiting)
	}
	return err
}

// dispatchWhenRung dispatches whenever the bell rings, until ctx ends. A report comes just before its task leaves the queue,
// and nothing tells when it has left, so as long as tasks are leaving and others wait it looks again soon. All of it is
// haste: a tick finds the same.
func (p *Planner) dispatchWhenRung(ctx context.Context) {
	wait := shortestWait
	var again <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.bell.rung():
			wait = shortestWait
		case <-again:
		}
		if again = nil; p.dispatchNow(ctx) {
			again, wait = time.After(wait), min(2*wait, longestWait)
		}
	}
}

// dispatchNow says whether to look again soon.
func (p *Planner) dispatchNow(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, dispatchTime)
	defer cancel()
	d, err := p.Dispatch(ctx)
	if err != nil && ctx.Err() == nil {
		p.Tel.Logger.WarnContext(ctx, "tasks not queued, the next tick will", obs.KeyError, err, obs.KeyReason, fault.ReasonOf(err))
	}
	return d.Waiting > 0 && d.Leaving > 0
}
