package plan_test

import (
	"context"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/customer-exports/exports/pkg/bus/bustest"
	"github.com/customer-exports/exports/pkg/fault"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	"github.com/customer-exports/exports/services/planner/internal/plan"
	"github.com/customer-exports/exports/services/planner/internal/run"
	"github.com/customer-exports/exports/services/planner/internal/store"
)

// TestWatch follows a run to its end.
func TestWatch(t *testing.T) {
	p, _ := started(t, bustest.Start(t), &clock{at: now})
	p.Changes = p.Store.(*store.Store)
	messages := make(chan *planv1.RunProgress)
	var g errgroup.Group
	g.Go(func() error {
		defer close(messages)
		return p.Watch(t.Context(), runID, func(m *planv1.RunProgress) error { messages <- m; return nil })
	})
	if first := <-messages; first.GetState() != run.Extracting || first.GetPartCount() != 3 || first.GetDonePartCount() != 0 {
		t.Errorf("at first %v", first)
	}
	for _, receipt := range receipts("first") {
		if _, err := p.Receive(t.Context(), runID, receipt); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Commit(t.Context(), runID, "m.json", time.Time{}, time.Time{}); err != nil {
		t.Fatal(err)
	}
	var last *planv1.RunProgress
	for last = range messages {
		t.Log(last)
	}
	if last.GetState() != run.Committed || last.GetRowCount() != 22 || last.GetDoneTableCount() != 2 {
		t.Errorf("at last %v", last)
	}
	if err := g.Wait(); err != nil {
		t.Errorf("Watch = %v after the end of the run", err)
	}
	err := p.Watch(t.Context(), nextID, nil)
	refused(t, "watching no run", err, fault.NotFound, fault.ReasonNotFound)
}

// TestWatchersAreBounded fills the room for watchers, and stops the planner under them.
func TestWatchersAreBounded(t *testing.T) {
	p, _ := started(t, bustest.Start(t), &clock{at: now})
	p.Changes = p.Store.(*store.Store)
	const room = 100
	joined, over := make(chan struct{}), make(chan error)
	for range room {
		go func() {
			over <- p.Watch(t.Context(), runID, func(*planv1.RunProgress) error { joined <- struct{}{}; return nil })
		}()
	}
	for range room {
		<-joined
	}
	refused(t, "one more", p.Watch(t.Context(), runID, nil), fault.Exhausted, fault.ReasonExhausted)
	stop(t, p)
	for range room {
		refused(t, "watching a planner that stops", <-over, fault.Unavailable, fault.ReasonUnavailable)
	}
}

// stop runs a planner that has ended at once.
func stop(t *testing.T, p *plan.Planner) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Run(ctx, time.Hour); err != nil {
		t.Error(err)
	}
}
