package plan_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/customer-exports/exports/pkg/bus"
	"github.com/customer-exports/exports/pkg/bus/bustest"
	"github.com/customer-exports/exports/pkg/fault"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	eventv1 "github.com/customer-exports/exports/proto/exports/event/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/planner/internal/plan"
	"github.com/customer-exports/exports/services/planner/internal/run"
	"github.com/customer-exports/exports/services/planner/internal/store"
)

// The two parts of FACT_REVIEWS.
const (
	quiet = runID + ".extract.FACT_REVIEWS.0"
	loud  = runID + ".extract.FACT_REVIEWS.1"
)

// poison is the tasks that no worker can do. A quiet one dies without a report.
type poison struct {
	mu    sync.Mutex
	tasks map[string]bool
}

func (p *poison) set(ids ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tasks = map[string]bool{}
	for _, id := range ids {
		p.tasks[id] = true
	}
}

// requeue has nobody look at a task until it is done.
func (p *poison) requeue(t *testing.T, planner *plan.Planner, id string) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, _, err := planner.Requeue(t.Context(), plan.Which{TaskID: id}, act()); err != nil {
		t.Fatalf("%s: %v", id, err)
	}
}

func (p *poison) in(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tasks[id]
}

// working is a planner and its workers, with one run to do.
func working(t *testing.T, ids ...string) (*plan.Planner, *bus.Bus, *poison) {
	t.Helper()
	export := acme("acme-daily", "02:00")
	export.Revision.Spec.StartDate = "2026-01-12"
	p, b := planner(t, bustest.Start(t), &clock{at: now}, export)
	poison := &poison{}
	poison.set(ids...)
	background(t, func(ctx context.Context) error { return p.Run(ctx, 50*time.Millisecond) })
	workers := bus.Consumer{Name: "workers", Subjects: []string{"task.>"}, AckWait: time.Minute, Deadline: time.Minute, MaxDeliver: 3, Concurrency: 2}
	background(t, func(ctx context.Context) error {
		return b.Consume(ctx, p.Tel, workers, func(ctx context.Context, d bus.Delivery) error { return work(ctx, p, poison, d) })
	})
	return p, b, poison
}

// work does a task as the services do, unless it is poison.
func work(ctx context.Context, p *plan.Planner, poison *poison, d bus.Delivery) error {
	id := d.Task.GetTaskId()
	if poison.in(id) {
		err := fault.New(fault.State, fault.ReasonSourceRefused, "the source refuses %s", id)
		if id != quiet {
			report := &planv1.Failure{TaskId: id, Attempt: int32(d.Attempt), Reason: string(fault.ReasonOf(err)), Message: err.Error()}
			if failed := p.Fail(ctx, runID, report); failed != nil {
				return failed
			}
		}
		return err
	}
	switch w := d.Task.GetWork().(type) {
	case *taskv1.Task_Measure:
		return p.Measure(ctx, runID, counts())
	case *taskv1.Task_Extract:
		_, err := p.Receive(ctx, runID, &deliveryv1.Receipt{Table: w.Extract.GetTable(), PartIndex: w.Extract.GetPartIndex(), RowCount: w.Extract.GetRowCount()})
		return err
	default:
		return p.Commit(ctx, runID, "manifest.json", time.Time{}, time.Time{})
	}
}

// until waits for something that must come.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	look, late := time.NewTicker(5*time.Millisecond), time.After(30*time.Second)
	defer look.Stop()
	for !holds() {
		select {
		case <-look.C:
		case <-late:
			t.Fatalf("never: %s", what)
		}
	}
}

func untilState(t *testing.T, p *plan.Planner, want planv1.RunState) *planv1.Run {
	t.Helper()
	var r *planv1.Run
	until(t, "the run is "+run.Word(want), func() bool {
		r, _ = p.Store.Get(t.Context(), runID)
		return r.GetState() == want
	})
	return r
}

// untilDead waits until each of these tasks is dead once, and none is queued. Others may have died with their run: nothing is
// accepted for it any more.
func untilDead(t *testing.T, p *plan.Planner, ids ...string) (dead []*planv1.DeadTask) {
	t.Helper()
	until(t, "the dead tasks are there, each once", func() bool {
		queue, _, err := p.Queue.Look(t.Context())

		if err != nil || len(queue) > 0 {
			return false
		}
		dead = nil
		for _, id := range ids {
			all, err := p.Dead.List(t.Context(), plan.DeadFilter{TaskID: id}, 0, 9)
			if err != nil || len(all) != 1 {
				return false
			}
			dead = append(dead, all...)
		}
		return true
	})
	return dead
}

// untilNoneIsDead waits until nobody is told of a dead task.
func untilNoneIsDead(t *testing.T, p *plan.Planner) {
	t.Helper()
	until(t, "no task is dead", func() bool {
		dead, next, err := p.ListDead(t.Context(), "", plan.Page{})
		return err == nil && next == "" && len(dead) == 0
	})
}

func act() *planv1.Act {
	return &planv1.Act{Method: "RequeueTask", Author: "ann@example.com", Reason: "the source is back"}
}

// TestRequeue has two tasks of a run die, one of them without a report, and the run committed after all.
func TestRequeue(t *testing.T) {
	p, b, poison := working(t, loud, quiet)
	untilState(t, p, run.Failed)
	dead := untilDead(t, p, loud, quiet)
	causes := map[string]string{}
	for _, d := range dead {
		causes[d.GetTask().GetTaskId()] = d.GetCause()
		if d.GetKind() != run.KindExtract || d.GetCustomerId() != "acme" || d.GetReason() != string(fault.ReasonSourceRefused) || d.GetAttemptCount() != 1 || d.GetDeadTime() == nil {
			t.Errorf("dead task %v", d)
		}
	}
	if diff := cmp.Diff(map[string]string{loud: "the source refuses " + loud, quiet: "the source refuses " + quiet}, causes); diff != "" {
		t.Errorf("causes (-want +got):\n%s", diff)
	}
	poison.set()
	task, r, err := p.Requeue(t.Context(), plan.Which{Sequence: dead[0].GetSequence()}, act())
	if err != nil || !proto.Equal(task, dead[0]) || r.GetState() == run.Failed {
		t.Fatalf("Requeue = %v, %v, %v", task, r, err)
	}
	r = untilState(t, p, run.Committed)
	if got := r.GetActs(); len(got) != 1 || got[0].GetAuthor() != "ann@example.com" || got[0].GetActTime() == nil {
		t.Errorf("acts %v", got)
	}
	untilNoneIsDead(t, p)
	events, err := b.JetStream().Stream(t.Context(), bus.StreamEvents)
	if err != nil {
		t.Fatal(err)
	}
	var told eventv1.Event
	msg, err := events.GetLastMsgForSubject(t.Context(), "event.run.revived.acme")
	if err != nil || proto.Unmarshal(msg.Data, &told) != nil || told.GetActor() != "ann@example.com" || !strings.Contains(told.GetMessage(), "the source is back") {
		t.Errorf("told %v, %v", &told, err)
	}
}

// TestRequeuedTasksCanDieAgain has the same task die again and again. Each death is one of its own: it ends the run at once,
// also without a report, and can be undone like the first.
func TestRequeuedTasksCanDieAgain(t *testing.T) {
	for _, id := range []string{loud, quiet} {
		p, _, poison := working(t, id)
		for range 3 {
			untilState(t, p, run.Failed)
			untilDead(t, p, id)
			poison.requeue(t, p, id)
		}
		untilState(t, p, run.Failed)
		untilDead(t, p, id)
		poison.set()
		poison.requeue(t, p, id)
		untilState(t, p, run.Committed)
		untilNoneIsDead(t, p)
	}
}

// crashing is a stream of the dead whose reader stops before it removes anything.
type crashing struct{ plan.Dead }

func (crashing) Remove(context.Context, uint64) error {
	return fault.New(fault.Unavailable, fault.ReasonUnavailable, "stopped in between")
}

// TestRequeueGoesOnAfterACrash stops between the record and the removal: the run goes on nevertheless, and the call repeated
// does the rest.
func TestRequeueGoesOnAfterACrash(t *testing.T) {
	p, b := died(t)
	whole := p.Dead
	p.Dead = crashing{whole}
	if _, _, err := p.Requeue(t.Context(), plan.Which{TaskID: loud}, act()); fault.KindOf(err) != fault.Unavailable {
		t.Fatalf("Requeue = %v, want Unavailable", err)
	}
	dispatched(t, p)
	if ids, _ := tasks(t, b); len(ids) != 3 || untilState(t, p, run.Extracting) == nil {
		t.Errorf("queued are %v, want the three parts", ids)
	}
	p.Dead = whole
	_, r, err := p.Requeue(t.Context(), plan.Which{TaskID: loud}, act())
	if err != nil || r.GetState() != run.Extracting || run.GivenUp(r, loud) != 0 {
		t.Errorf("Requeue = %v, %v; want the run extracting, and nothing given up", r, err)
	}
	if dead, _, err := p.ListDead(t.Context(), "", plan.Page{}); err != nil || len(dead) != 0 {
		t.Errorf("dead are %v, %v; want none", dead, err)
	}
	if _, _, err := p.Requeue(t.Context(), plan.Which{TaskID: loud}, act()); fault.KindOf(err) != fault.NotFound {
		t.Errorf("once more: %v, want NotFound", err)
	}
}

// died is a planner whose run failed by a task that lies in DEAD; nothing is queued.
func died(t *testing.T) (*plan.Planner, *bus.Bus) {
	t.Helper()
	p, b := started(t, bustest.Start(t), &clock{at: now})
	bury(t, b, loud)
	if err := taskStream(t, b).Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.Fail(t.Context(), runID, &planv1.Failure{TaskId: loud, Attempt: 5, Reason: string(fault.ReasonSourceRefused)}); err != nil {
		t.Fatal(err)
	}
	return p, b
}

// litter puts something that is no task into DEAD.
func litter(t *testing.T, b *bus.Bus, subject string) {
	t.Helper()
	if _, err := b.JetStream().Publish(t.Context(), subject, []byte("\xff")); err != nil {
		t.Fatal(err)
	}
}

func TestRequeueRefuses(t *testing.T) {
	p, b := died(t)
	litter(t, b, "dead.extract.acme."+runID+".extract.X.0")
	for name, test := range map[string]struct {
		which plan.Which
		want  fault.Reason
	}{
		"no such sequence":         {plan.Which{Sequence: 99}, fault.ReasonNotFound},
		"no such task":             {plan.Which{TaskID: quiet}, fault.ReasonNotFound},
		"no id of a task":          {plan.Which{TaskID: ">"}, fault.ReasonNotFound},
		"one that cannot be read":  {plan.Which{Sequence: 2}, fault.ReasonTaskInvalid},
		"the same, by its subject": {plan.Which{TaskID: runID + ".extract.X.0"}, fault.ReasonTaskInvalid},
	} {
		if _, _, err := p.Requeue(t.Context(), test.which, act()); fault.ReasonOf(err) != test.want {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
	r, err := p.Store.Get(t.Context(), runID)
	if err != nil {
		t.Fatal(err)
	}
	next := proto.CloneOf(r)
	next.Ref.RunId = run.NextID(runID)
	if err := p.Store.Create(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.Requeue(t.Context(), plan.Which{TaskID: loud}, act()); fault.ReasonOf(err) != fault.ReasonSuperseded {
		t.Errorf("followed by another run: %v, want SUPERSEDED", err)
	}
	if dead, _, err := p.ListDead(t.Context(), "", plan.Page{}); err != nil || len(dead) != 2 || untilState(t, p, run.Failed) == nil {
		t.Errorf("dead are %v, %v; want both there", dead, err)
	}
}

// TestListDeadInPages asks for pages of every size.
func TestListDeadInPages(t *testing.T) {
	p, b := died(t)
	for range 3 {
		litter(t, b, "dead.extract.bella.x")
	}
	for size := 1; size <= 5; size++ {
		var got []uint64
		for page := (plan.Page{Size: size}); ; {
			dead, next, err := p.ListDead(t.Context(), "", page)
			if err != nil || len(dead) > size {
				t.Fatalf("%d tasks, %v; want at most %d", len(dead), err, size)
			}
			for _, d := range dead {
				got = append(got, d.GetSequence())
			}
			if page.Token = next; next == "" {
				break
			}
		}
		if diff := cmp.Diff([]uint64{1, 2, 3, 4}, got); diff != "" {
			t.Errorf("pages of %d (-want +got):\n%s", size, diff)
		}
	}
	if dead, next, err := p.ListDead(t.Context(), "bella", plan.Page{Size: 3}); len(dead) != 3 || next != "" || err != nil {
		t.Errorf("another customer's: %v, %q, %v", dead, next, err)
	}
	if _, _, err := p.ListDead(t.Context(), "", plan.Page{Token: "x"}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a made-up token: %v, want Invalid", err)
	}
}

var _ plan.Dead = (*store.Dead)(nil)
