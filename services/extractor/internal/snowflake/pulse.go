package snowflake

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/customer-exports/exports/pkg/fault"
)

// pulse follows the requests made with one context. With a timer, it ends the context with
// SOURCE_STALLED as the cause when they show no sign of life. A nil pulse follows nothing.
type pulse struct {
	timer    *time.Timer
	timeout  time.Duration
	progress func()
	status   atomic.Int64
}

type pulseKey struct{}

// watch returns a context that carries a pulse. The caller calls stop when the requests are over.
func watch(ctx context.Context, timeout time.Duration, progress func()) (watched context.Context, p *pulse, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	p = &pulse{timeout: timeout, progress: progress}
	p.timer = time.AfterFunc(timeout, func() {
		cancel(fault.New(fault.Unavailable, fault.ReasonSourceStalled, "the source sent nothing for %s", timeout))
	})
	stop = func() {
		p.timer.Stop()
		cancel(nil)
	}
	return context.WithValue(ctx, pulseKey{}, p), p, stop
}

// follow returns a context whose requests only show progress.
func follow(ctx context.Context, progress func()) context.Context {
	return context.WithValue(ctx, pulseKey{}, &pulse{progress: progress})
}

func pulseOf(ctx context.Context) *pulse {
	p, _ := ctx.Value(pulseKey{}).(*pulse)
	return p
}

func (p *pulse) alive() {
	if p == nil {
		return
	}
	if p.timer != nil {
		p.timer.Reset(p.timeout)
	}
	p.progress()
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
