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
		Caps:   dispatch.Caps{Statements: 1 + few(4), StatementsPerCustomer: few(3), Commits: few(2), Expiries: few(2)},
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
	w, caps, flying := o.world, o.planner.rules.Caps, o.count(t)
	for _, c := range []struct {
		of        string
		have, cap int
	}{
		{"statements", flying.statements, caps.Statements},
		{"statements of one customer", flying.customer, caps.StatementsPerCustomer},
		{"commits", flying.commits, caps.Commits},
		{"deletions", flying.expiries, caps.Expiries},
	} {
		if c.have > c.cap {
			w.wrong("%d %s are under way, the cap is %d", c.have, c.of, c.cap)
		}
	}
	if flying.same > 1 {
		w.wrong("task %s is queued %d times", t.GetTaskId(), flying.same)
	}
	if run.AsksSource(run.Kind(t)) && run.Resends(w.store.newest(t.GetRun().GetRunId())) {
		w.wrong("the source is asked by task %s, of a run that resends another", t.GetTaskId())
	}
	w.seen.Most = max(w.seen.Most, flying.statements)
	w.checkParked(t)
}

// tally counts the queue as the task that came last finds it: those that share a cap with it, and none of the others, whose
// caps may have been lowered since.
type tally struct{ statements, customer, commits, expiries, same int }

func (o outlet) count(t *taskv1.Task) (n tally) {
	for _, m := range o.messages {
		kind := run.Kind(m.task)
		switch {
		case run.AsksSource(kind) && run.AsksSource(run.Kind(t)):
			n.statements++
			if m.task.GetRun().GetCustomerId() == t.GetRun().GetCustomerId() {
				n.customer++
			}
		case kind == run.KindExpire && t.GetExpire() != nil:
			n.expiries++
		case !run.AsksSource(kind) && kind != run.KindExpire && !run.AsksSource(run.Kind(t)) && t.GetExpire() == nil:
			n.commits++
		}
		if m.task.GetTaskId() == t.GetTaskId() {
			n.same++
		}
	}
	return n
}

// checkParked is made at every task that is queued: what died of itself stays in DEAD. A worker that held a message long
// deleted may bury it at this very moment.
func (w *world) checkParked(t *taskv1.Task) {
	if d := w.dead[t.GetTaskId()]; d != nil && d.poison && d.at.Before(w.now) {
		w.wrong("task %s comes back by itself after %s", t.GetTaskId(), d.cause.GetReason())
	}
}
