// Package audit owns the audit chain: every request that was to change something becomes one event, refused ones too, and
// each event holds the hash of the one before. It refuses to change or remove an event, and it judges no request; it
// knows neither gRPC nor NATS. How an auditor recomputes a hash stands in README.md. Start at Chain.Append, then
// Chain.Verify.
package audit

import (
	"context"
	"crypto/rand"
	mathrand "math/rand/v2"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

const (
	// appendTimeout bounds one Append, all its attempts and the wait for those of others included.
	appendTimeout = 10 * time.Second
	// attemptTimeout leaves time to look whether an attempt without an answer was stored.
	attemptTimeout = 3 * time.Second
)

// Chain adds to a log and reads it. It is safe for concurrent use, also by several processes on one log.
type Chain struct {
	log    Log
	now    func() time.Time
	random func() float64 // 0 to 1
	turn   chan struct{}  // one Append at a time: those of one process need not race each other

	mu   sync.Mutex
	seen *Head // the furthest that this process saw; nil before the first look
}

// New continues the chain in log.
func New(log Log, now func() time.Time) *Chain {
	return &Chain{log: log, now: now, random: mathrand.Float64, turn: make(chan struct{}, 1)}
}

// Append completes e in place (event_id, event_time, sequence, previous_hash, hash; what is too long is cut and says so;
// an id that is none is emptied) and stores it. It does so although ctx is cancelled: what happened is recorded, whether
// or not the caller still waits, within 10 s. An error of kind Unavailable leaves open whether it was stored.
func (c *Chain) Append(ctx context.Context, e *configv1.AuditEvent) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), appendTimeout)
	defer cancel()
	e.Sequence, e.EventId, e.EventTime = 0, rand.Text(), timestamppb.New(c.now())
	fit(e)
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return unrecorded(ctx.Err(), e, 0)
	}
	for attempts := 1; ; attempts++ {
		err := c.attempt(ctx, e)
		if err == nil {
			return nil
		}
		if !fault.Retryable(err) || c.pause(ctx, attempts) != nil {
			return unrecorded(err, e, attempts)
		}
	}
}

func unrecorded(err error, e *configv1.AuditEvent, attempts int) error {
	kind, reason := fault.Unavailable, fault.ReasonUnavailable
	if !fault.Retryable(err) {
		kind, reason = fault.Internal, fault.ReasonInternal
	}
	return fault.Wrap(err, kind, reason, "recording %s in the audit chain (%d attempts)", e.GetMethod(), attempts)
}

// attempt adds e behind the last event that this process saw. A wrong guess costs an attempt and never the chain.
func (c *Chain) attempt(ctx context.Context, e *configv1.AuditEvent) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	if tried := e.GetSequence(); tried > 0 || c.known() == nil {
		if stored, err := c.look(ctx, e, tried); stored || err != nil {
			return err
		}
	}
	if err := link(e, c.known()); err != nil {
		return err
	}
	if err := c.log.Append(ctx, e); err != nil {
		return err
	}
	c.remember(Head{Sequence: e.GetSequence(), Hash: e.GetHash()})
	return nil
}

// look finds the head again, and whether the attempt before was stored although its answer was lost.
func (c *Chain) look(ctx context.Context, e *configv1.AuditEvent, tried int64) (stored bool, err error) {
	head, err := c.log.Head(ctx)
	if err != nil {
		return false, err
	}
	if seen := c.known(); seen != nil && head.Sequence < seen.Sequence {
		// A replica that lags, or a log that was cut: the next look, then Verify, tell which.
		return false, fault.New(fault.DataLoss, fault.ReasonInternal, "the audit chain ends at event %d, but had %d", head.Sequence, seen.Sequence)
	}
	if tried > 0 && head.Sequence >= tried {
		for entry, err := range c.log.Read(ctx, Range{From: tried, To: tried}) {
			if err != nil {
				return false, err
			}
			stored = entry.Event.GetEventId() == e.GetEventId()
		}
	}
	c.remember(head)
	return stored, nil
}

func link(e *configv1.AuditEvent, head *Head) (err error) {
	e.Sequence, e.PreviousHash = head.Sequence+1, head.Hash
	e.Hash, err = Hash(e)
	return err
}

// pause waits up to 2 ms, doubling to 256 ms; without jitter those who raced each other would again.
func (c *Chain) pause(ctx context.Context, attempts int) error {
	longest := 2 * time.Millisecond << min(attempts-1, 7)
	timer := time.NewTimer(time.Duration(c.random() * float64(longest)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *Chain) known() *Head {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen
}

func (c *Chain) remember(h Head) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = &h
}
