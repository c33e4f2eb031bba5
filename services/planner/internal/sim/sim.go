// Package sim drives planners, workers, queue, store and clock through everything that can go wrong, one step at a time,
// from a seed: calls that fail before or after their effect, stale reads, lost and doubled messages, planners and workers
// that end at any line. The planner is the real one; the world around it is made of memory. A failing seed replays exactly.
// It refuses to be clever about what is right: Check states in the customer's words what must hold once the world is calm
// again. Start at Run.
package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// Settings says how bad the world is; probabilities are of one call or one message.
type Settings struct {
	Planners, Workers, Exports int
	Days                       int           // of trouble, before the world is calm
	Away                       time.Duration // in the middle of it, in which nobody does anything
	FailBefore, FailAfter      float64
	Crash, Stale               float64
	Between                    float64 // somebody else acts in the middle of a call
	Lose                       float64 // a task that was queued, as far as its planner knows
	Stop                       float64 // a worker that is stopped in order, its task handed back
	Delete, Wipe, Restore      float64 // of the queue, at each step
	Rules                      float64 // the config file is edited, at each step
	Outage                     float64 // the source or a bucket is away for hours, from each step
	Poison                     float64 // a task whose every attempt fails
	Deadly                     float64 // a task at whose every attempt the worker crashes
	Foreign                    float64 // an attempt that meets a row outside the scope
	Ask                        float64 // an operator cancels, re-extracts or resends a run, at each step
}

// Rough is the world that every seed is tried in.
func Rough() Settings {
	return Settings{
		Planners: 3, Workers: 3, Exports: 3, Days: 2,
		FailBefore: 0.02, FailAfter: 0.02, Crash: 0.02, Stale: 0.05, Between: 0.05, Lose: 0.05, Stop: 0.02,
		Delete: 0.01, Wipe: 0.002, Restore: 0.01, Rules: 0.005, Outage: 0.003, Poison: 0.01, Deadly: 0.003, Foreign: 0.001, Ask: 0.01,
	}
}

// begin is when simulations begin: a day before a change of the clock in Europe, so that one lies within.
func begin() time.Time { return time.Date(2026, 10, 24, 0, 0, 0, 0, time.UTC) }

// How far the clock moves at most between two steps: in trouble the world is slow, so that much can overlap.
const (
	slowStep = 12 * time.Minute
	calmStep = 2 * time.Minute
)

// calmFor is how long the calm world is given to heal what is broken.
const calmFor = 8 * time.Hour

// Run simulates one seed. The error says what a customer would have noticed.
func Run(ctx context.Context, seed uint64, s Settings) (Report, error) {
	w := newWorld(ctx, seed, s)
	half := time.Duration(s.Days) * 24 * time.Hour / 2
	w.live(half)
	w.now = w.now.Add(s.Away)
	w.live(half)
	w.calm()
	w.live(calmFor * time.Duration(max(1, s.Days-1))) // under a low cap, a month of backlog takes weeks
	if err := w.check(); err != nil {
		return w.report(), fmt.Errorf("seed %d: %w", seed, err)
	}
	return w.report(), nil
}

// live lets time pass.
func (w *world) live(d time.Duration) {
	for end := w.now.Add(d); w.now.Before(end); {
		w.step()
	}
}

// Report counts what happened, so that a simulation in which nothing goes wrong is noticed.
type Report struct {
	Runs, Committed, Failed, Quarantined int
	Expired, Superseded                  int // among the committed, and how often a deletion was for another drop
	Crashes, Faults, Zombies, Outages    int
	Unlucky                              int // runs that failed because a task met a crash or a standstill at each attempt
	Killed                               int // planners, among the crashes
	Lost, Doubled, Deleted               int // messages
	Wiped, Restored, Overtaken, Parked   int
	Asked, Resent                        int // what operators were granted, and runs that send a drop once more
	Most                                 int // statements that the source may have seen at once
}

// step lets one randomly chosen actor do one thing, and moves the clock.
func (w *world) step() {
	w.now = w.now.Add(time.Duration(w.random.Int64N(int64(w.pace))))
	w.queue.mishap()
	w.outage()
	if w.chance(w.trouble.Rules) {
		w.rules = w.drawRules()
	}
	w.acting, w.calls = operator, 0
	w.operate()
	w.acting, w.calls = w.draw(), 0
	w.act(w.acting)
}

// operator is an actor who is never drawn: what is asked for has a probability of its own.
const operator = -1

// draw chooses an actor: planners first, then workers.
func (w *world) draw() int {
	i := w.random.IntN(len(w.planners) + 3*len(w.workers))
	if i < len(w.planners) {
		return i
	}
	return len(w.planners) + (i-len(w.planners))%len(w.workers)
}

func (w *world) act(i int) {
	if i < len(w.planners) {
		w.planners[i].act()
	} else {
		w.workers[i-len(w.planners)].work()
	}
}

// chance is true with probability p.
func (w *world) chance(p float64) bool { return p > 0 && w.random.Float64() < p }

func newRandom(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15)) }

// Add adds another simulation's counts.
func (r *Report) Add(other Report) {
	r.Expired, r.Superseded = r.Expired+other.Expired, r.Superseded+other.Superseded
	r.Runs, r.Committed, r.Failed, r.Quarantined = r.Runs+other.Runs, r.Committed+other.Committed, r.Failed+other.Failed, r.Quarantined+other.Quarantined
	r.Crashes, r.Faults, r.Zombies, r.Killed = r.Crashes+other.Crashes, r.Faults+other.Faults, r.Zombies+other.Zombies, r.Killed+other.Killed
	r.Outages, r.Unlucky = r.Outages+other.Outages, r.Unlucky+other.Unlucky
	r.Lost, r.Doubled, r.Deleted = r.Lost+other.Lost, r.Doubled+other.Doubled, r.Deleted+other.Deleted
	r.Wiped, r.Restored, r.Overtaken, r.Parked = r.Wiped+other.Wiped, r.Restored+other.Restored, r.Overtaken+other.Overtaken, r.Parked+other.Parked
	r.Asked, r.Resent = r.Asked+other.Asked, r.Resent+other.Resent
	r.Most = max(r.Most, other.Most)
}
