package audittest

import (
	"context"
	"iter"
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"

	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/audit"
)

// MemLog is a log in memory. Its zero value is empty.
type MemLog struct {
	mu      sync.Mutex
	last    int64
	entries []audit.Entry
	read    int
}

// Holding returns a log that claims to have had events up to last, of which these are left: what somebody with access to
// the storage could make of it.
func Holding(last int64, entries []audit.Entry) *MemLog {
	return &MemLog{last: last, entries: entries}
}

// Head says how far the log goes.
func (l *MemLog) Head(context.Context) (audit.Head, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	head := audit.Head{Sequence: l.last, Count: int64(len(l.entries))}
	if len(l.entries) > 0 {
		head.Hash = l.entries[len(l.entries)-1].Event.GetHash()
	}
	return head, nil
}

// Append adds e behind the event before.
func (l *MemLog) Append(ctx context.Context, e *configv1.AuditEvent) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.GetSequence() != l.last+1 {
		return audit.ErrMoved
	}
	l.last++
	l.entries = append(l.entries, audit.Entry{Sequence: l.last, Event: proto.CloneOf(e)})
	return nil
}

// Read yields what is in the range.
func (l *MemLog) Read(ctx context.Context, r audit.Range) iter.Seq2[audit.Entry, error] {
	return func(yield func(audit.Entry, error) bool) {
		for _, entry := range l.all() {
			if err := ctx.Err(); err != nil {
				yield(audit.Entry{}, err)
				return
			}
			e := entry.Event
			if entry.Sequence < r.From || entry.Sequence > r.To || r.CustomerID != "" && r.CustomerID != e.GetCustomerId() ||
				r.ExportID != "" && r.ExportID != e.GetExportId() {
				continue
			}
			l.count()
			entry.Event = proto.CloneOf(e)
			if !yield(entry, nil) {
				return
			}
		}
	}
}

// Reads is how many events were yielded in all.
func (l *MemLog) Reads() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.read
}

func (l *MemLog) count() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.read++
}

func (l *MemLog) all() []audit.Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.entries)
}
