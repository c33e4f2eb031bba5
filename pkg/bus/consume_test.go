package bus

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
)

func measures(name string) Consumer {
	return Consumer{Name: name, Subjects: []string{"task.measure.>"}, AckWait: patience, Deadline: patience, MaxDeliver: 3, Concurrency: 1}
}

// consume runs a consumer until the returned function stops it, which reports what Consume returned.
func consume(t *testing.T, b *Bus, c Consumer, h Handler) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	tel := telemetry(t)
	go func() { done <- b.Consume(ctx, tel, c, h) }()
	var stopped atomic.Bool
	stop = func() {
		cancel()
		if stopped.Swap(true) {
			return
		}
		if err := <-done; err != nil {
			t.Errorf("Consume() = %v, want nil", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

func TestDoneTasksLeaveTheQueue(t *testing.T) {
	t.Parallel()
	b, tel := connect(t), telemetry(t)
	ctx, span := tel.Start(t.Context(), obs.SpanDue)
	defer obs.End(span, nil)
	if err := b.PublishTask(ctx, tel, "measure", task("a")); err != nil {
		t.Fatal(err)
	}
	seen := make(chan Delivery, 1)
	var parent string
	var bounded bool
	consume(t, b, measures("w"), func(ctx context.Context, d Delivery) error {
		parent = obs.Traceparent(ctx)
		_, bounded = ctx.Deadline()
		seen <- d
		return nil
	})
	d := <-seen
	if d.Task.GetTaskId() != "a" || d.Attempt != 1 || d.LastAttempt {
		t.Errorf("delivery = %+v, want the first of three attempts at a", d)
	}
	if parent != obs.Traceparent(ctx) || !bounded {
		t.Errorf("handler's parent %q, bounded %t, want %q within a deadline", parent, bounded, obs.Traceparent(ctx))
	}
	await(t, b, StreamTasks, 0)
}

func TestStoppedBeforeItBegins(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := connect(t).Consume(ctx, telemetry(t), measures("w"), func(context.Context, Delivery) error { return nil }); err != nil {
		t.Errorf("Consume() = %v, want nil: it was stopped in order", err)
	}
}

func TestOneWorkerHoldsOneTask(t *testing.T) {
	t.Parallel()
	b := connect(t)
	queue(t, b, "a", "b", "c", "d")
	c := measures("w")
	c.Concurrency = 2
	var at, most atomic.Int32
	both := make(chan struct{})
	consume(t, b, c, func(context.Context, Delivery) error {
		defer at.Add(-1)
		if n := at.Add(1); n > most.Load() {
			most.Store(n)
			if n == 2 {
				close(both)
			}
		}
		<-both
		return nil
	})
	await(t, b, StreamTasks, 0)
	if got := most.Load(); got != 2 {
		t.Errorf("%d tasks at once, want 2", got)
	}
}

func TestFailedAttemptsComeAgainUntilTheLast(t *testing.T) {
	t.Parallel()
	b := connect(t)
	queue(t, b, "a")
	var attempts atomic.Int32
	var last atomic.Bool
	consume(t, b, measures("w"), func(_ context.Context, d Delivery) error {
		attempts.Store(int32(d.Attempt))
		last.Store(d.LastAttempt)
		return fault.New(fault.Unavailable, fault.ReasonSourceUnavailable, "away\nfor now")
	})
	dead := deadLetter(t, b)
	await(t, b, StreamTasks, 0)
	if attempts.Load() != 3 || !last.Load() {
		t.Errorf("attempts = %d, last %t, want 3 and the last", attempts.Load(), last.Load())
	}
	if dead.Subject != "dead.measure.acme.a" || dead.Header.Get(HeaderReason) != "SOURCE_UNAVAILABLE" ||
		dead.Header.Get(HeaderCause) != "away for now" || dead.Header.Get(HeaderAttempts) != "3" {
		t.Errorf("dead letter on %s with %v", dead.Subject, dead.Header)
	}
	await(t, b, StreamEvents, 1)
}

func TestHopelessTasksDieAtOnce(t *testing.T) {
	t.Parallel()
	b := connect(t)
	queue(t, b, "a")
	consume(t, b, measures("w"), func(context.Context, Delivery) error {
		return fault.New(fault.State, fault.ReasonScopeViolation, "a row is outside")
	})
	dead := deadLetter(t, b)
	if dead.Header.Get(HeaderReason) != string(fault.ReasonScopeViolation) || dead.Header.Get(HeaderAttempts) != "1" {
		t.Errorf("headers = %v, want SCOPE_VIOLATION after 1 attempt", dead.Header)
	}
	await(t, b, StreamTasks, 0)
	await(t, b, StreamAdvisories, 1) // of the termination
}

func TestForgedTasksNeverReachAHandler(t *testing.T) {
	t.Parallel()
	for name, data := range map[string][]byte{
		"not a task": []byte("\xff\xff"), "empty": nil, "another customer's": encoded(t, "x", "other"), "another one": encoded(t, "y", "acme"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := connect(t)
			if err := b.store(t.Context(), &nats.Msg{Subject: "task.measure.acme.x", Data: data}); err != nil {
				t.Fatal(err)
			}
			consume(t, b, measures("w"), func(context.Context, Delivery) error {
				t.Error("the handler was called")
				return nil
			})
			if got := deadLetter(t, b).Header.Get(HeaderReason); got != string(fault.ReasonTaskInvalid) {
				t.Errorf("reason = %q, want TASK_INVALID", got)
			}
		})
	}
}

func TestPanicFailsTheAttemptOnly(t *testing.T) {
	t.Parallel()
	b := connect(t)
	queue(t, b, "a")
	consume(t, b, measures("w"), func(_ context.Context, d Delivery) error {
		if d.Attempt == 1 {
			panic("boom")
		}
		return nil
	})
	await(t, b, StreamTasks, 0)
	if got := messages(t, b, StreamDead); got != 0 {
		t.Errorf("%d dead tasks, want none", got)
	}
}

func TestProgressKeepsATask(t *testing.T) {
	t.Parallel()
	b := connect(t)
	queue(t, b, "a")
	c := measures("w")
	c.AckWait = 600 * time.Millisecond
	c.Concurrency = 2 // a second worker would take it
	var attempts atomic.Int32
	consume(t, b, c, func(ctx context.Context, d Delivery) error {
		attempts.Add(1)
		work, end := time.NewTicker(50*time.Millisecond), time.After(3*c.AckWait)
		defer work.Stop()
		for {
			select {
			case <-work.C:
				d.Progress()
			case <-end:
				return nil
			}
		}
	})
	await(t, b, StreamTasks, 0)
	if got := attempts.Load(); got != 1 {
		t.Errorf("%d attempts, want 1", got)
	}
}

func TestAStalledTaskGoesToAnotherWorkerAndItsLateAckCounts(t *testing.T) {
	t.Parallel()
	b := connect(t)
	queue(t, b, "a")
	c := measures("w")
	c.AckWait = 300 * time.Millisecond
	c.Concurrency = 2
	second, release := make(chan struct{}), make(chan struct{})
	consume(t, b, c, func(_ context.Context, d Delivery) error {
		if d.Attempt == 1 {
			<-second // stalled until another worker has it
			return nil
		}
		if d.Attempt == 2 {
			close(second)
		}
		<-release
		return nil
	})
	<-second
	await(t, b, StreamTasks, 0) // by the first worker's answer alone
	close(release)
}

func TestDeadlineEndsAnAttempt(t *testing.T) {
	t.Parallel()
	b := connect(t)
	queue(t, b, "a")
	c := measures("w")
	c.Deadline, c.MaxDeliver = 100*time.Millisecond, 1
	consume(t, b, c, func(ctx context.Context, _ Delivery) error {
		<-ctx.Done()
		return ctx.Err()
	})
	if cause := deadLetter(t, b).Header.Get(HeaderCause); !strings.Contains(cause, "deadline") {
		t.Errorf("cause = %q, want the deadline", cause)
	}
}

func TestAttemptsThatNobodyAnsweredEndInDead(t *testing.T) {
	t.Parallel()
	b := connect(t)
	queue(t, b, "a")
	c := measures("w")
	c.AckWait, c.MaxDeliver = 200*time.Millisecond, 1
	stuck := make(chan struct{})
	stop := consume(t, b, c, func(context.Context, Delivery) error {
		<-stuck // as a worker that crashed
		return errors.New("late")
	})
	dead := deadLetter(t, b)
	if got := dead.Header.Get(HeaderReason); got != string(fault.ReasonAttemptsExhausted) {
		t.Errorf("reason = %q, want ATTEMPTS_EXHAUSTED", got)
	}
	await(t, b, StreamTasks, 0)
	close(stuck)
	stop()
	if got := messages(t, b, StreamDead); got != 1 {
		t.Errorf("%d dead tasks, want 1: the late answer is the same death", got)
	}
}

func TestStoppingLetsTasksFinish(t *testing.T) {
	t.Parallel()
	b := connect(t)
	queue(t, b, "a", "b")
	entered, release := make(chan struct{}, 2), make(chan struct{})
	stop := consume(t, b, measures("w"), func(ctx context.Context, _ Delivery) error {
		entered <- struct{}{}
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	<-entered
	time.AfterFunc(50*time.Millisecond, func() { close(release) })
	stop()
	if got := messages(t, b, StreamTasks); got != 1 {
		t.Errorf("%d tasks left, want 1: one finished, no other was taken", got)
	}
}

func TestStoppingHandsUnfinishedTasksBack(t *testing.T) {
	t.Parallel()
	for _, attempts := range []int{1, 3} { // the last attempt too is handed back: it was not had
		b := connect(t)
		b.grace = 50 * time.Millisecond
		queue(t, b, "a")
		c := measures("w")
		c.MaxDeliver = attempts
		entered := make(chan struct{})
		var cause error
		stop := consume(t, b, c, func(ctx context.Context, _ Delivery) error {
			close(entered)
			<-ctx.Done()
			cause = context.Cause(ctx)
			return fault.New(fault.State, fault.ReasonScopeViolation, "an error that was not reported")
		})
		<-entered
		stop()
		if !errors.Is(cause, ErrStopping) {
			t.Errorf("cause = %v, want ErrStopping", cause)
		}
		again := make(chan struct{})
		consume(t, b, c, func(context.Context, Delivery) error {
			close(again)
			return nil
		})
		select {
		case <-again:
		case <-time.After(patience):
			t.Fatalf("with %d attempts the task did not come again", attempts)
		}
		await(t, b, StreamTasks, 0)
		if got := messages(t, b, StreamDead); got != 0 {
			t.Errorf("%d dead tasks, want none", got)
		}
	}
}

func TestConsumerNeedsItsBounds(t *testing.T) {
	t.Parallel()
	b := &Bus{}
	for _, c := range []Consumer{{}, {Name: "w", Subjects: []string{"task.measure.>"}, AckWait: time.Second, Deadline: time.Second}} {
		if err := b.Consume(t.Context(), nil, c, nil); fault.KindOf(err) != fault.Invalid {
			t.Errorf("Consume(%+v) = %v, want invalid", c, err)
		}
	}
}
