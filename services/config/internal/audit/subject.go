package audit

import (
	"context"

	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

type eventKey struct{}

// WithEvent carries the event of a request, which is written as the request proceeds.
func WithEvent(ctx context.Context, e *configv1.AuditEvent) context.Context {
	return context.WithValue(ctx, eventKey{}, e)
}

// Event is the event of the request under way: whoever decides adds what changed. Without a request it is one that
// nobody will read.
func Event(ctx context.Context) *configv1.AuditEvent {
	if e, ok := ctx.Value(eventKey{}).(*configv1.AuditEvent); ok {
		return e
	}
	return &configv1.AuditEvent{}
}
