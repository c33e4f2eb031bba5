package sim

import (
	"context"
	"time"

	"github.com/customer-exports/exports/services/planner/internal/dispatch"
	"github.com/customer-exports/exports/services/planner/internal/plan"
	"github.com/customer-exports/exports/services/planner/internal/run"
)

// planner is one planner's process, which is replaced when it ends.
type planner struct {
	world *world
	plan  *plan.Planner
	skew  time.Duration  // of its clock
	down  time.Time      // until when it is away
	rules dispatch.Rules // those that it read last
}

// maxSkew is how far a planner's clock may be off.
const maxSkew = 10 * time.Minute

func newPlanner(w *world, i int) *planner {
	p := &planner{world: w}
	if i > 0 { // one of them is right
		p.skew = time.Duration(w.random.Int64N(int64(2*maxSkew))) - maxSkew
	}
	p.start()
	return p
}

func (p *planner) start() {
	p.plan = &plan.Planner{
		Store: p.world.store, Queue: outlet{p.world.queue, p}, Exports: p.world.exports, Tel: p.world.tel,
		Cutter: run.Cutter{TargetRows: 100, Whole: func(table string) bool { return table == "DIM_DATES" }},
		Rules:  p.readRules, SettleDelay: p.world.settle, Now: func() time.Time { return p.world.now.Add(p.skew) },
	}
}

func (p *planner) readRules(context.Context) dispatch.Rules {
	p.rules = p.world.rules
	return p.rules
}

// act ticks, or dispatches as after a report.
func (p *planner) act() {
	switch {
	case p.world.now.Before(p.down):
	case p.world.chance(0.5):
		p.survive(func() { _, _ = p.plan.Dispatch(p.world.ctx) })
	default:
		p.survive(func() { _ = p.plan.Tick(p.world.ctx) }) // an incomplete tick is made good by a later one
	}
}

func (p *planner) survive(act func()) (ended bool) {
	if ended = survive(act); ended {
		p.world.seen.Killed++
		p.down = p.world.now.Add(time.Duration(p.world.random.Int64N(int64(time.Hour / 2))))
		p.start()
	}
	return ended
}

// ask is a call of a worker to any planner, over a network.
func (w *world) ask(do func(*plan.Planner) error) error {
	p := w.planners[w.random.IntN(len(w.planners))]
	if w.now.Before(p.down) {
		return away()
	}
	err := away()
	if p.survive(func() { err = do(p.plan) }) {
		return away()
	}
	if w.chance(w.trouble.FailAfter) {
		w.seen.Faults++
		return away()
	}
	return err
}
