package plan_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/bus"
	"github.com/customer-exports/exports/pkg/bus/bustest"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/planner/internal/plan"
	"github.com/customer-exports/exports/services/planner/internal/run"
)

// TestAnOutageIsWaitedOut gives a task up because the source was away: it is queued again after a minute, then after two,
// and the log tells each time once.
func TestAnOutageIsWaitedOut(t *testing.T) {
	c, task := &clock{at: now}, runID+".extract.DIM_DATES.0"
	p, b := started(t, bustest.Start(t), c)
	p.Exports = memExports(nil)
	log := tell(t, p)
	for i, wait := range []time.Duration{time.Minute, 2 * time.Minute} {
		for range 2 { // another planner's answer was lost, so the worker reports again
			if err := p.Fail(t.Context(), runID, &planv1.Failure{
				TaskId: task, Table: "DIM_DATES", Attempt: 5, Reason: string(fault.ReasonSourceUnavailable), FailTime: timestamppb.New(c.now()),
			}); err != nil {
				t.Fatal(err)
			}
		}
		bury(t, b, task)
		c.move(wait - time.Second)
		ticked(t, p)
		if got, _ := tasks(t, b); strings.Contains(strings.Join(got, " "), task) {
			t.Errorf("the task is queued less than %s after it was given up %d times", wait, i+1)
		}
		c.move(time.Second)
		ticked(t, p)
		if got, _ := tasks(t, b); !strings.Contains(strings.Join(got, " "), task) {
			t.Errorf("the task is not queued %s after it was given up %d times", wait, i+1)
		}
		if told := strings.Count(log.String(), "task given up for now"); told != i+1 {
			t.Errorf("the log tells %d times that the task was given up, want %d:\n%s", told, i+1, log)
		}
	}
	if strings.Contains(log.String(), "in no queue any more") {
		t.Errorf("the task passes for lost:\n%s", log)
	}
	if r, err := p.Store.Get(t.Context(), runID); err != nil || r.GetState() != run.Extracting {
		t.Errorf("the run is %s, %v; want extracting", run.Word(r.GetState()), err)
	}
}

// tell has a planner log into a buffer.
func tell(t *testing.T, p *plan.Planner) *bytes.Buffer {
	t.Helper()
	log := &bytes.Buffer{}
	tel, err := obs.Setup(t.Context(), obs.Config{Service: "planner", LogLevel: "warn"}, log)
	if err != nil {
		t.Fatal(err)
	}
	p.Tel = tel
	return log
}

// bury moves a task to DEAD, as its worker does.
func bury(t *testing.T, b *bus.Bus, taskID string) {
	t.Helper()
	ids, messages := tasks(t, b)
	for i, id := range ids {
		if id == taskID {
			if _, err := b.JetStream().Publish(t.Context(), strings.Replace(messages[i].Subject, "task.", "dead.", 1), messages[i].Data); err != nil {
				t.Fatal(err)
			}
		}
	}
	done(t, b, taskID)
}

// worker stands in for extractor and delivery: it takes tasks as they do and reports to a planner, and moves no rows. At
// the export ill it reads other rows than were measured, at the export deadly it never answers.
type worker struct {
	planner *plan.Planner
	ends    <-chan struct{}
}

func (w worker) do(ctx context.Context, d bus.Delivery) error {
	id := d.Task.GetRun().GetRunId()
	switch work := d.Task.GetWork().(type) {
	case *taskv1.Task_Measure:
		return w.planner.Measure(ctx, id, counts())
	case *taskv1.Task_Extract:
		return w.extract(ctx, d, work.Extract)
	default:
		return w.planner.Commit(ctx, id, "manifest.json", time.Time{}, time.Time{})
	}
}

func (w worker) extract(ctx context.Context, d bus.Delivery, work *taskv1.ExtractWork) error {
	ref := d.Task.GetRun()
	receipt := &deliveryv1.Receipt{Table: work.GetTable(), PartIndex: work.GetPartIndex(), RowCount: work.GetRowCount()}
	switch {
	case ref.GetExportId() == "deadly" && work.GetTable() == "DIM_DATES":
		<-w.ends
		return nil
	case ref.GetExportId() == "ill" && work.GetTable() == "DIM_DATES":
		receipt.RowCount++
	}
	_, err := w.planner.Receive(ctx, ref.GetRunId(), receipt)
	if err == nil {
		return nil
	}
	_ = w.planner.Fail(ctx, ref.GetRunId(), &planv1.Failure{
		TaskId: d.Task.GetTaskId(), Table: work.GetTable(), Attempt: int32(d.Attempt), //nolint:gosec // at most two
		Reason: string(fault.ReasonOf(err)), Message: err.Error(), WillRetry: !d.LastAttempt,
	})
	return err
}

// TestPoisonIsParkedAndOthersGoOn runs three exports, each with one drop: one has a task that never succeeds, one a task at
// which workers fall silent.
func TestPoisonIsParkedAndOthersGoOn(t *testing.T) {
	url, c := bustest.Start(t), &clock{at: now}
	var exports []*configv1.Export
	for _, id := range []string{"ill", "deadly", "well"} {
		export := acme(id, "02:00")
		export.Revision.Spec.StartDate = "2026-01-12"
		exports = append(exports, export)
	}
	p, b := planner(t, url, c, exports...)
	ends := make(chan struct{})
	background(t, func(ctx context.Context) error { return p.Run(ctx, 100*time.Millisecond) })
	background(t, func(ctx context.Context) error {
		return b.Consume(ctx, p.Tel, bus.Consumer{
			Name: "worker", Subjects: []string{"task.>"}, AckWait: 500 * time.Millisecond, Deadline: time.Minute, MaxDeliver: 2, Concurrency: 6,
		}, worker{planner: p, ends: ends}.do)
	})
	t.Cleanup(func() { close(ends) }) // runs first
	want := map[string]string{"ill-20260112-1": "run.failed", "deadly-20260112-1": "run.failed", "well-20260112-1": "run.committed"}
	if diff := cmp.Diff(want, ended(t, b, len(want))); diff != "" {
		t.Errorf("runs end differently (-want +got):\n%s", diff)
	}
	for range 3 { // and stays there
		ticked(t, p)
		for id, reason := range map[string]fault.Reason{"ill-20260112-1": fault.ReasonRowCountMismatch, "deadly-20260112-1": fault.ReasonAttemptsExhausted} {
			task := &taskv1.Task{TaskId: id + ".extract.DIM_DATES.0", Run: &taskv1.RunRef{CustomerId: "acme"}}
			if death, err := b.Death(t.Context(), run.KindExtract, task); err != nil || death.Count != 1 || death.Reason != reason || death.Attempts != 2 || death.Cause == "" {
				t.Errorf("%s in DEAD: %+v, %v; want it once, for %s", task.GetTaskId(), death, err, reason)
			}
		}
	}
	if got, _ := tasks(t, b); len(got) != 0 {
		t.Errorf("still queued: %q", got)
	}
}

// ended waits for the ends of runs, and says how each ended.
func ended(t *testing.T, b *bus.Bus, runs int) map[string]string {
	t.Helper()
	facts, err := b.JetStream().OrderedConsumer(t.Context(), bus.StreamEvents, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{"event.run.committed.>", "event.run.failed.>"},
	})
	if err != nil {
		t.Fatal(err)
	}
	ends := map[string]string{}
	for len(ends) < runs {
		msg, err := facts.Next(jetstream.FetchContext(t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		id := msg.Headers().Get("Nats-Msg-Id")
		for _, fact := range []string{"run.committed", "run.failed"} {
			if runID, found := strings.CutSuffix(id, "."+fact); found {
				ends[runID] = fact
			}
		}
	}
	return ends
}

// background runs f until the test ends.
func background(t *testing.T, f func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("ending: %v", err)
		}
	})
}

// TestFailuresThatRaceAreAllNoted has many workers report at once, so that most find that the record changed under them.
func TestFailuresThatRaceAreAllNoted(t *testing.T) {
	p, _ := started(t, bustest.Start(t), &clock{at: now})
	var g errgroup.Group
	const workers = 12
	for attempt := range int32(workers) {
		reason := fault.ReasonSourceUnavailable
		if attempt == workers/2 {
			reason = fault.ReasonScopeViolation
		}
		g.Go(func() error {
			return p.Fail(t.Context(), runID, &planv1.Failure{TaskId: runID + ".extract.DIM_DATES.0", Attempt: attempt, Reason: string(reason)})
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	r, err := p.Store.Get(t.Context(), runID)
	if err != nil || r.GetState() != run.Quarantined || len(r.GetFailures()) != workers {
		t.Errorf("the run is %s with %d failures, %v; want quarantined with %d", run.Word(r.GetState()), len(r.GetFailures()), err, workers)
	}
}
