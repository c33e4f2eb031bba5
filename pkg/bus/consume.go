package bus

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
)

// retryPull is the pause after a pull that failed, because the server is away or moves the consumer.
const retryPull = time.Second

// ErrStopping is the cause of a handler's context when the process stops before the task is done. The task goes back to
// the queue and nothing failed: a handler that sees it reports no failure.
var ErrStopping = errors.New("the service is stopping")

// Consumer says which tasks to take and within which bounds.
type Consumer struct {
	// Name is the durable name, shared by all replicas of a service.
	Name string
	// Subjects are filters such as task.extract.>; no two consumers may overlap.
	Subjects []string
	// AckWait is how long a worker may be silent before its task goes to another one.
	AckWait time.Duration
	// Deadline is how long one attempt may take in all.
	Deadline time.Duration
	// MaxDeliver is how many attempts a task gets.
	MaxDeliver int
	// Concurrency is how many tasks this process works on at once; 0 means 1.
	Concurrency int
}

// Delivery is one attempt at a task.
type Delivery struct {
	Task *taskv1.Task
	// Attempt is the number of this try, from 1. A crash or a stop uses one up too.
	Attempt int
	// LastAttempt says that an error now is final.
	LastAttempt bool
	// Progress tells that work advanced; without it for AckWait the task goes to another worker. It is cheap: call it
	// for each batch, and never by a timer.
	Progress func()
}

// Handler does one task. A nil error means that the result is durable. Handlers are idempotent: a task may come again
// after it was done, and two workers may hold it at once after a stall. ctx carries the span of the one who queued the
// task and the attributes of its run, and ends at the deadline, or with cause ErrStopping.
type Handler func(ctx context.Context, d Delivery) error

// consumption is one call of Consume.
type consumption struct {
	bus    *Bus
	tel    *obs.Telemetry
	cfg    Consumer
	handle Handler
}

// Consume gives tasks to h until ctx ends; then it takes no more, lets those under way finish for 10 s, and hands back
// the rest. It returns an error only when it cannot begin, unless ctx has ended by then; afterwards it outlasts the
// server's absences.
//
// A nil error acknowledges the task. An error that is not worth another attempt, or the last attempt's, moves the task
// to stream DEAD with its cause; any other puts it back for 1 s, then 2 s, up to 60 s, with jitter.
func (b *Bus) Consume(ctx context.Context, tel *obs.Telemetry, c Consumer, h Handler) error {
	if c.Name == "" || len(c.Subjects) == 0 || c.AckWait <= 0 || c.Deadline <= 0 || c.MaxDeliver < 1 {
		return fault.New(fault.Invalid, fault.ReasonValidation, "consumer %q needs a name, subjects, an ack wait, a deadline and a number of attempts", c.Name)
	}
	all := &consumption{bus: b, tel: tel, cfg: c, handle: h}
	tasks, err := all.tasks(ctx)
	if err != nil {
		return unlessEnded(ctx, err)
	}
	advisories, err := all.advisories(ctx)
	if err != nil {
		return unlessEnded(ctx, err)
	}
	// Detached: work under way outlives ctx by the grace.
	work, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	var wg sync.WaitGroup
	for range max(c.Concurrency, 1) {
		wg.Go(func() { all.pull(ctx, tasks, all.tasks, func(m jetstream.Msg) { all.attempt(work, m) }) })
	}
	wg.Go(func() { all.pull(ctx, advisories, all.advisories, func(m jetstream.Msg) { all.exhausted(work, m) }) })
	<-ctx.Done()
	late := time.AfterFunc(b.grace, func() { stop(ErrStopping) })
	defer late.Stop()
	wg.Wait()
	return b.flush()
}

// unlessEnded drops what went wrong only because ctx has ended: a service that is stopped early stops in order.
func unlessEnded(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// tasks creates or finds the durable consumer, and the streams: services start in any order.
func (c *consumption) tasks(ctx context.Context) (jetstream.Consumer, error) {
	if err := c.bus.EnsureTasks(ctx); err != nil {
		return nil, err
	}
	consumer, err := c.bus.js.CreateOrUpdateConsumer(ctx, StreamTasks, jetstream.ConsumerConfig{
		Durable: c.cfg.Name, FilterSubjects: c.cfg.Subjects, AckPolicy: jetstream.AckExplicitPolicy,
		AckWait: c.cfg.AckWait, MaxDeliver: c.cfg.MaxDeliver,
	})
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, fault.ReasonUnavailable, "preparing consumer %s", c.cfg.Name)
	}
	return consumer, nil
}

// pull hands one message at a time to do until ctx ends. Nothing is fetched ahead: a message that waits in a buffer
// loses its ack wait there. Failed pulls are tried again with a consumer found anew.
func (c *consumption) pull(ctx context.Context, from jetstream.Consumer, find func(context.Context) (jetstream.Consumer, error), do func(jetstream.Msg)) {
	for ctx.Err() == nil {
		msg, err := from.Next(jetstream.FetchContext(ctx))
		switch {
		case err == nil:
			do(msg)
		case ctx.Err() != nil || errors.Is(err, nats.ErrTimeout) || errors.Is(err, jetstream.ErrNoMessages):
		default:
			c.tel.Logger.WarnContext(ctx, "pulling tasks interrupted, trying again", obs.KeyConsumer, c.cfg.Name, obs.KeyError, err)
			pause(ctx, retryPull)
			if again, err := find(ctx); err == nil {
				from = again
			}
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// flush sees to it that the last answers left before the connection closes.
func (b *Bus) flush() error {
	if err := b.conn.FlushTimeout(settleTimeout); err != nil {
		return fault.Wrap(err, fault.Unavailable, fault.ReasonUnavailable, "sending the last acknowledgements")
	}
	return nil
}
