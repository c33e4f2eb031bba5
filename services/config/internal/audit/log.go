package audit

import (
	"context"
	"errors"
	"iter"

	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

// ErrMoved says that an event was not added because another came first.
var ErrMoved = errors.New("another event came first")

// Log keeps events in the order in which they were added. Several processes may share it.
type Log interface {
	// Head says how far the log goes.
	Head(ctx context.Context) (Head, error)
	// Append adds e as number e.Sequence, and only behind the event before: ErrMoved says that this is not the log's last,
	// and that nothing was stored. After any other error e may have been stored.
	Append(ctx context.Context, e *configv1.AuditEvent) error
	// Read yields what is in the range, in order; what is missing is left out. It ends at the first error.
	Read(ctx context.Context, r Range) iter.Seq2[Entry, error]
}

// Head is how far a log goes.
type Head struct {
	// Sequence of the last event ever added, also when it is gone.
	Sequence int64
	// Hash that the last event still there says it has; empty without one.
	Hash string
	// Count of the events still there.
	Count int64
}

// Entry is one place of a log.
type Entry struct {
	// Sequence is the place, whatever the event says.
	Sequence int64
	// Event is nil when what lies there cannot be read.
	Event *configv1.AuditEvent
	// Problem says in one line why it cannot be read, or where it is misfiled; else empty.
	Problem string
}

// Range is a stretch of a log, both ends included, narrowed to a customer, an export or both unless they are empty.
type Range struct {
	From, To             int64
	CustomerID, ExportID string
}
