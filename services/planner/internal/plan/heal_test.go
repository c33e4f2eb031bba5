package plan_test

import (
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/customer-exports/exports/pkg/bus"
	"github.com/customer-exports/exports/pkg/bus/bustest"
	"github.com/customer-exports/exports/services/planner/internal/plan"
)

func taskStream(t *testing.T, b *bus.Bus) jetstream.Stream {
	t.Helper()
	stream, err := b.JetStream().Stream(t.Context(), bus.StreamTasks)
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

// done takes the oldest message with a task out of the queue, as a worker does that has reported it.
func done(t *testing.T, b *bus.Bus, taskID string) {
	t.Helper()
	ids, messages := tasks(t, b)
	for i, id := range ids {
		if id == taskID {
			if err := taskStream(t, b).DeleteMsg(t.Context(), messages[i].Sequence); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("task %s is not in the queue", taskID)
}

// TestLostTasksAreQueuedAgainOnTheNextTick damages the queue of a run that waits for two extracts, with two planners and no
// worker, and lets both tick.
func TestLostTasksAreQueuedAgainOnTheNextTick(t *testing.T) {
	dates, reviews := runID+".extract.DIM_DATES.0", runID+".extract.FACT_REVIEWS.0"
	for _, test := range []struct {
		name   string
		damage func(t *testing.T, b *bus.Bus)
		want   []string
	}{
		{"nothing", func(*testing.T, *bus.Bus) {}, []string{dates, reviews}},
		{"a message deleted by hand", func(t *testing.T, b *bus.Bus) { done(t, b, dates) }, []string{reviews, dates}},
		{"the stream purged", func(t *testing.T, b *bus.Bus) {
			if err := taskStream(t, b).Purge(t.Context()); err != nil {
				t.Fatal(err)
			}
		}, []string{dates, reviews}},
		{"the stream deleted", func(t *testing.T, b *bus.Bus) {
			if err := b.JetStream().DeleteStream(t.Context(), bus.StreamTasks); err != nil {
				t.Fatal(err)
			}
		}, []string{dates, reviews}},
	} {
		t.Run(test.name, func(t *testing.T) {
			url, c := bustest.Start(t), &clock{at: now}
			p, b := started(t, url, c)
			second, _ := planner(t, url, c)
			halfDone(t, p, b)
			test.damage(t, b)
			for range 2 { // the second finds everything in order
				ticked(t, p, second)
				got, _ := tasks(t, b)
				same(t, "tasks", test.want, got)
			}
		})
	}
}

// TestAQueueRestoredFromABackupIsMended restores the stream as it was before the run was measured.
func TestAQueueRestoredFromABackupIsMended(t *testing.T) {
	server, c := bustest.StartServer(t), &clock{at: now}
	p, b := planner(t, server.URL(), c, acme("acme-daily", "02:00"))
	if _, err := p.Start(t.Context(), "acme-daily", "2026-01-12", ann); err != nil {
		t.Fatal(err)
	}
	dispatched(t, p)
	restarted := b.JetStream().Conn().StatusChanged(nats.CONNECTED)
	restore := server.Backup(bus.StreamTasks)
	<-restarted
	if err := p.Measure(t.Context(), runID, counts()); err != nil {
		t.Fatal(err)
	}
	dispatched(t, p)
	halfDone(t, p, b)
	restore()
	<-restarted
	for range 2 {
		ticked(t, p)
		got, _ := tasks(t, b)
		// The measurement is in the queue once more, for a worker to find it done.
		same(t, "tasks", []string{runID + ".measure", runID + ".extract.DIM_DATES.0", runID + ".extract.FACT_REVIEWS.0"}, got)
	}
}

// halfDone leaves two extracts of a measured run in the queue, and lets p plan nothing else.
func halfDone(t *testing.T, p *plan.Planner, b *bus.Bus) {
	t.Helper()
	p.Exports = memExports(nil)
	if _, err := p.Receive(t.Context(), runID, receipts("first")[0]); err != nil {
		t.Fatal(err)
	}
	done(t, b, runID+".measure")
	done(t, b, runID+".extract.FACT_REVIEWS.1")
}

// ticked lets planners tick at the same time.
func ticked(t *testing.T, planners ...*plan.Planner) {
	t.Helper()
	var g errgroup.Group
	for _, p := range planners {
		g.Go(func() error { return p.Tick(t.Context()) })
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
}
