package plan

import (
	"context"
	"sync"
	"time"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	"github.com/customer-exports/exports/services/planner/internal/run"
)

const (
	// maxWatchers bounds who watches at once: each keeps a stream and a subscription.
	maxWatchers = 100
	// Between two messages lies at least the one and at most the other; the contract of RunService.
	shortestPause = time.Second
	longestPause  = 15 * time.Second
)

// Watch tells the progress of a run until it has ended: at once, on changes, and now and then anyway. NotFound without
// such a run, Exhausted while too many watch, Unavailable when the planner stops.
func (p *Planner) Watch(ctx context.Context, runID string, tell func(*planv1.RunProgress) error) error {
	if !p.watch.join() {
		return fault.New(fault.Exhausted, fault.ReasonExhausted, "%d watch runs already: try again later, or use GetRun", maxWatchers)
	}
	defer p.watch.leave()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	hints := p.hints(ctx, runID) // before the first look, so that nothing is missed in between
	var told *planv1.RunProgress
	for {
		r, err := p.Store.Get(ctx, runID)
		if err != nil {
			return err
		}
		now := run.Progress(r, told, p.Now())
		if told == nil || run.Moved(told, now) || now.GetProgressTime().AsTime().Sub(told.GetProgressTime().AsTime()) >= longestPause {
			if err := tell(now); err != nil {
				return err
			}
			told = now
		}
		if run.Ended(r) {
			return nil
		}
		if err := p.pause(ctx, hints); err != nil {
			return err
		}
	}
}

// pause waits a little in any case, and then for a hint.
func (p *Planner) pause(ctx context.Context, hints <-chan struct{}) error {
	if err := p.wait(ctx, nil, shortestPause); err != nil {
		return err
	}
	return p.wait(ctx, hints, longestPause-shortestPause)
}

func (p *Planner) wait(ctx context.Context, hints <-chan struct{}, most time.Duration) error {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-hints:
		return nil
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-p.watch.ended():
		return fault.New(fault.Unavailable, fault.ReasonUnavailable, "the planner stops: watch again")
	}
}

// hints are those of one run, or none.
func (p *Planner) hints(ctx context.Context, runID string) <-chan struct{} {
	if p.Changes == nil || !run.IsID(runID) {
		return nil
	}
	hints, err := p.Changes.Watch(ctx, runID)
	if err != nil {
		p.Tel.Logger.WarnContext(ctx, "changes of a run cannot be watched, looking now and then", obs.KeyRunID, runID, obs.KeyError, err)
	}
	return hints
}

// watchers counts who watches. The zero value is ready.
type watchers struct {
	mu   sync.Mutex
	n    int
	over chan struct{}
	// once makes over, last closes it.
	once, last sync.Once
}

func (w *watchers) join() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.n == maxWatchers {
		return false
	}
	w.n++
	return true
}

func (w *watchers) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.n--
}

func (w *watchers) ended() chan struct{} {
	w.once.Do(func() { w.over = make(chan struct{}) })
	return w.over
}

// end sends everybody away.
func (w *watchers) end() { w.last.Do(func() { close(w.ended()) }) }
