package snowflake

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/customer-exports/exports/pkg/fault"
)

// pulse follows the requests made with one context. It ends the context with SOURCE_STALLED as the cause
// when they show no sign of life. A nil pulse follows nothing.
type pulse struct {
	timer    *time.Timer
	timeout  time.Duration
	progress func()
	status   atomic.Int64
	// patient lets the source think between answers; one that has begun must go on in any case.
	patient bool
}

type pulseKey struct{}

// watch returns a context whose requests must show signs of life all the time. The caller calls stop when
// they are over.
func watch(ctx context.Context, timeout time.Duration, progress func()) (watched context.Context, p *pulse, stop func()) {
	return carry(ctx, &pulse{timeout: timeout, progress: progress})
}

// follow returns a context whose requests may wait for their answers. The caller calls stop when they are
// over.
func follow(ctx context.Context, timeout time.Duration, progress func()) (followed context.Context, stop func()) {
	ctx, p, stop := carry(ctx, &pulse{timeout: timeout, progress: progress, patient: true})
	p.over()
	return ctx, stop
}

func carry(ctx context.Context, p *pulse) (context.Context, *pulse, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	timeout := p.timeout
	p.timer = time.AfterFunc(timeout, func() {
		cancel(fault.New(fault.Unavailable, fault.ReasonSourceStalled, "the source sent nothing for %s", timeout))
	})
	stop := func() {
		p.timer.Stop()
		cancel(nil)
	}
	return context.WithValue(ctx, pulseKey{}, p), p, stop
}

func pulseOf(ctx context.Context) *pulse {
	p, _ := ctx.Value(pulseKey{}).(*pulse)
	return p
}

func (p *pulse) alive() {
	if p == nil {
		return
	}
	p.timer.Reset(p.timeout)
	p.progress()
}

// over says that an answer has come to its end.
func (p *pulse) over() {
	if p != nil && p.patient {
		p.timer.Stop()
	}
}

func (p *pulse) answered(status int) {
	if p == nil {
		return
	}
	p.status.Store(int64(status))
	p.alive()
}

// refused reports whether the last answer was 401 or 403: an address that has expired.
func (p *pulse) refused() bool {
	status := p.status.Load()
	return status == 401 || status == 403
}
