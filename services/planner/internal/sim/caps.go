package sim

import (
	"context"

	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/planner/internal/dispatch"
	"github.com/customer-exports/exports/services/planner/internal/run"
)

// drawRules is what an operator may write into the config file, tight enough to be in the way.
func (w *world) drawRules() dispatch.Rules {
	few := func(most int) int { return 1 + w.random.IntN(most) }
	return dispatch.Rules{
		Caps:   dispatch.Caps{Statements: 1 + few(4), StatementsPerCustomer: few(3), Commits: few(2)},
		Sizes:  dispatch.Sizes{MediumRows: 500, LargeRows: 1000},
		Shares: dispatch.Shares{Small: few(4), Medium: few(4), Large: few(4)},
	}
}

// outlet is the queue as one planner uses it: whoever queues must keep the caps that it read last.
type outlet struct {
	*memQueue
	planner *planner
}

// Publish is part of plan.Queue.
func (o outlet) Publish(_ context.Context, t *taskv1.Task, version uint64) (next uint64, queued bool, err error) {
	err = o.world.call(func() error {
		if queued = o.publish(t, version); queued {
			o.check(t)
		}
		next = o.last
		return nil
	})
	return next, queued && err == nil, err
}

// GivenUp is part of plan.Queue.
func (o outlet) GivenUp(ctx context.Context, t *taskv1.Task) (int, *planv1.Failure, error) {
	return o.world.GivenUp(ctx, t)
}

// check is made at every task that is queued.
func (o outlet) check(t *taskv1.Task) {
	w, caps, same := o.world, o.planner.rules.Caps, 0
	var statements, customers, commits int
	for _, m := range o.messages {
		if m.task.GetTaskId() == t.GetTaskId() {
			same++
		}
		switch {
		case !run.AsksSource(run.Kind(m.task)):
			commits++
		default:
			statements++
			if m.task.GetRun().GetCustomerId() == t.GetRun().GetCustomerId() {
				customers++
			}
		}
	}
	commit := !run.AsksSource(run.Kind(t))
	switch {
	case !commit && statements > caps.Statements:
		w.wrong("the source may see %d statements, the cap is %d", statements, caps.Statements)
	case !commit && customers > caps.StatementsPerCustomer:
		w.wrong("the source may see %d statements of one customer, the cap is %d", customers, caps.StatementsPerCustomer)
	case commit && commits > caps.Commits:
		w.wrong("%d commits are under way, the cap is %d", commits, caps.Commits)
	case same > 1:
		w.wrong("task %s is queued %d times", t.GetTaskId(), same)
	}
	w.seen.Most = max(w.seen.Most, statements)
	w.checkParked(t)
}

// checkParked is made at every task that is queued: what died of itself stays in DEAD. A worker that held a message long
// deleted may bury it at this very moment.
func (w *world) checkParked(t *taskv1.Task) {
	if d := w.dead[t.GetTaskId()]; d != nil && d.poison && d.at.Before(w.now) {
		w.wrong("task %s comes back by itself after %s", t.GetTaskId(), d.cause.GetReason())
	}
}
