package bus

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel/attribute"
	"google.golang.org/protobuf/proto"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
)

// overtime is how long a handler may take to return once its context has ended; then it is abandoned.
const overtime = 5 * time.Second

// attempt does one message and settles it.
func (c *consumption) attempt(work context.Context, msg jetstream.Msg) {
	meta, err := msg.Metadata()
	if err != nil {
		c.tel.Logger.ErrorContext(work, "message without delivery data left alone", obs.KeySubject, msg.Subject(), obs.KeyError, err)
		return
	}
	d := Delivery{Attempt: int(meta.NumDelivered), LastAttempt: int(meta.NumDelivered) >= c.cfg.MaxDeliver}
	ctx := c.tel.Propagator.Extract(work, carrier(msg.Headers()))
	if d.Task, err = decode(msg); err == nil {
		ctx = obs.WithAttrs(ctx, append(obs.RunAttrs(d.Task.GetRun()), attribute.Int(obs.KeyAttempt, d.Attempt))...)
		err = c.run(ctx, msg, d)
	}
	c.settle(ctx, msg, meta.Sequence.Stream, d, err)
}

// decode refuses a message whose subject and content disagree on the customer or the task.
func decode(msg jetstream.Msg) (*taskv1.Task, error) {
	t := new(taskv1.Task)
	if err := proto.Unmarshal(msg.Data(), t); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, fault.ReasonTaskInvalid, "decoding a task of %s", msg.Subject())
	}
	if kind := queued(msg.Subject(), 1).Kind; checkTask(kind, t) != nil || msg.Subject() != taskSubject(kind, t) {
		return nil, fault.New(fault.Invalid, fault.ReasonTaskInvalid, "task %q is for customer %q but was queued on %s",
			t.GetTaskId(), t.GetRun().GetCustomerId(), msg.Subject())
	}
	return t, nil
}

// run calls the handler within its deadline and heartbeats while it makes progress.
func (c *consumption) run(work context.Context, msg jetstream.Msg, d Delivery) error {
	ctx, cancel := context.WithTimeout(work, c.cfg.Deadline)
	defer cancel()
	var moved atomic.Bool
	d.Progress = func() { moved.Store(true) }
	done := make(chan error, 1)
	go func() { done <- c.call(ctx, d) }()
	beat := time.NewTicker(max(c.cfg.AckWait/3, time.Millisecond))
	defer beat.Stop()
	over := ctx.Done()
	var abandon <-chan time.Time
	for {
		select {
		case err := <-done:
			return err
		case <-beat.C:
			if moved.Swap(false) {
				c.heartbeat(ctx, msg)
			}
		case <-over:
			over, abandon = nil, time.After(overtime)
		case <-abandon:
			return fault.Wrap(context.Cause(ctx), fault.Unavailable, fault.ReasonDeadline, "the task went on after its deadline and was abandoned")
		}
	}
}

func (c *consumption) heartbeat(ctx context.Context, msg jetstream.Msg) {
	if err := msg.InProgress(); err != nil {
		c.tel.Logger.WarnContext(ctx, "heartbeat not sent, the task may go to another worker", obs.KeySubject, msg.Subject(), obs.KeyError, err)
	}
}

// call turns a panic into a failed attempt: the process's other tasks go on.
func (c *consumption) call(ctx context.Context, d Delivery) (err error) {
	defer func() {
		if p := recover(); p != nil {
			c.tel.Logger.ErrorContext(ctx, "task panicked", obs.KeyTaskID, d.Task.GetTaskId(), obs.KeyError, p, obs.KeyStack, string(debug.Stack()))
			err = fault.New(fault.Internal, fault.ReasonPanic, "the handler panicked: %s", fmt.Sprint(p))
		}
	}()
	return c.handle(ctx, d)
}

// stopped reports whether a task failed only because the process stops.
func stopped(ctx context.Context) bool { return errors.Is(context.Cause(ctx), ErrStopping) }
