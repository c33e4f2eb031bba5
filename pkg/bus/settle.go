package bus

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
)

const (
	settleTimeout = 10 * time.Second
	maxBackoff    = time.Minute
)

// settle tells the server how an attempt ended. When it cannot, the task comes again after its ack wait, which handlers
// expect anyway.
func (c *consumption) settle(work context.Context, msg jetstream.Msg, seq uint64, d Delivery, err error) {
	// Detached: how it ended must be told although the process stops.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(work), settleTimeout)
	defer cancel()
	var settled error
	switch {
	case err == nil:
		settled = msg.DoubleAck(ctx)
	case stopped(work):
		// Whatever the error is: the handler was told to report none, and the next attempt finds it again.
		settled = c.handBack(ctx, msg, d)
	case !fault.Retryable(err) || d.LastAttempt:
		settled = c.bury(ctx, msg, seq, d, err)
	default:
		settled = c.putOff(ctx, msg, d, err)
	}
	if settled != nil {
		c.tel.Logger.WarnContext(ctx, "task not settled, it will come again", obs.KeySubject, msg.Subject(),
			obs.KeyTaskID, d.Task.GetTaskId(), obs.KeyAttempt, d.Attempt, obs.KeyError, settled)
	}
}

// putOff puts the task back for a while.
func (c *consumption) putOff(ctx context.Context, msg jetstream.Msg, d Delivery, cause error) error {
	delay := backoff(d.Attempt, c.bus.random())
	c.tel.Logger.WarnContext(ctx, "attempt failed, will be tried again", obs.KeyTaskID, d.Task.GetTaskId(), obs.KeyAttempt, d.Attempt,
		obs.KeyReason, fault.ReasonOf(cause), obs.KeyDelay, delay.String(), obs.KeyError, cause)
	return msg.NakWithDelay(delay)
}

// backoff doubles from 1 s to 60 s; random, 0 to 1, spreads it over the upper half, so that tasks which failed together
// do not come together.
func backoff(attempt int, random float64) time.Duration {
	full := maxBackoff
	if n := max(attempt, 1) - 1; n < 6 {
		full = min(time.Second<<n, maxBackoff)
	}
	return full/2 + time.Duration(random*float64(full/2))
}

// handBack gives an interrupted task to another worker at once. A last attempt was not had, so that the task is queued
// afresh: the server would not deliver it again.
func (c *consumption) handBack(ctx context.Context, msg jetstream.Msg, d Delivery) error {
	c.tel.Logger.InfoContext(ctx, "task handed back, the service stops", obs.KeyTaskID, d.Task.GetTaskId(), obs.KeyAttempt, d.Attempt)
	if !d.LastAttempt {
		return msg.Nak()
	}
	fresh := &nats.Msg{Subject: msg.Subject(), Header: kept(msg.Headers()), Data: msg.Data()}
	if err := c.bus.store(ctx, fresh); err != nil {
		return err
	}
	return msg.DoubleAck(ctx)
}
