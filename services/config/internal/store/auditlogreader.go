package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/customer-exports/exports/pkg/bus"
	"github.com/customer-exports/exports/services/config/internal/audit"
)

const (
	// readBatch is how many messages are asked for at once; each is below 1 MiB.
	readBatch = 100
	// readWait is how long a batch may take that the server is known to have.
	readWait = 5 * time.Second
	// consumerIdle removes the consumer of a reader that crashed.
	consumerIdle = time.Minute
)

// Read yields what the stream holds in the range. A stream that answers less than it said it holds is an error, never an
// end: a chain that looks shorter than it is would look altered.
func (l *AuditLog) Read(ctx context.Context, r audit.Range) iter.Seq2[audit.Entry, error] {
	return func(yield func(audit.Entry, error) bool) {
		r.From = max(r.From, 1)
		read := l.readMany
		if r == (audit.Range{From: r.To, To: r.To}) {
			read = l.readOne
		}
		if err := read(ctx, r, func(e audit.Entry) bool { return yield(e, nil) }); err != nil {
			yield(audit.Entry{}, away(err, "reading audit events %d to %d", r.From, r.To))
		}
	}
}

func (l *AuditLog) readOne(ctx context.Context, r audit.Range, yield func(audit.Entry) bool) error {
	msg, err := l.stream.GetMsg(ctx, uint64(r.From))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil
	}
	if err == nil {
		yield(entry(msg.Sequence, msg.Subject, msg.Data))
	}
	return err
}

// readMany reads through a consumer of its own, which skips what is filed elsewhere without sending it.
func (l *AuditLog) readMany(ctx context.Context, r audit.Range, yield func(audit.Entry) bool) error {
	if r.From > r.To {
		return nil
	}
	consumer, err := l.stream.CreateConsumer(ctx, jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: uint64(r.From),
		FilterSubject: bus.AuditSubject(cmp.Or(r.CustomerID, "*"), cmp.Or(r.ExportID, "*")),
		AckPolicy:     jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1, InactiveThreshold: consumerIdle,
	})
	if err != nil {
		return err
	}
	defer l.drop(ctx, consumer.CachedInfo().Name)
	return fetch(ctx, consumer, r, yield)
}

// drop is a courtesy: the server removes an idle consumer by itself.
func (l *AuditLog) drop(ctx context.Context, name string) {
	// Detached: also a reader that was cancelled leaves nothing behind.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readWait)
	defer cancel()
	_ = l.stream.DeleteConsumer(ctx, name)
}

// fetch reads as much as the server said that there is, or to the end of the range.
func fetch(ctx context.Context, consumer jetstream.Consumer, r audit.Range, yield func(audit.Entry) bool) error {
	pending, last := consumer.CachedInfo().NumPending, r.From-1
	for delivered := uint64(0); pending > 0 && last < r.To; {
		msgs, err := batch(ctx, consumer, int(min(pending, readBatch, uint64(r.To-last))))
		if err != nil {
			return err
		}
		for _, msg := range msgs {
			meta, err := msg.Metadata()
			if err != nil {
				return err
			}
			if delivered++; meta.Sequence.Consumer != delivered {
				return fmt.Errorf("message %d came as number %d: one was lost on its way", meta.Sequence.Consumer, delivered)
			}
			pending, last = meta.NumPending, place(meta.Sequence.Stream)
			if last > r.To || !yield(entry(meta.Sequence.Stream, msg.Subject(), msg.Data())) {
				return nil
			}
		}
	}
	return nil
}

func batch(ctx context.Context, consumer jetstream.Consumer, size int) ([]jetstream.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, readWait)
	defer cancel()
	fetched, err := consumer.Fetch(size, jetstream.FetchContext(ctx))
	if err != nil {
		return nil, err
	}
	msgs := make([]jetstream.Msg, 0, size)
	for msg := range fetched.Messages() {
		msgs = append(msgs, msg)
	}
	if len(msgs) == 0 {
		return nil, errors.Join(errors.New("the server sent nothing of what it holds"), fetched.Error(), ctx.Err())
	}
	return msgs, nil
}

// entry reads a message, whoever wrote it.
func entry(sequence uint64, subject string, data []byte) audit.Entry {
	e, err := audit.Decode(data)
	if err != nil {
		return audit.Entry{Sequence: place(sequence), Problem: "is no audit event, or one of a newer version of this service"}
	}
	found := audit.Entry{Sequence: place(sequence), Event: e}
	if own := bus.AuditSubject(e.GetCustomerId(), e.GetExportId()); subject != own {
		found.Problem = fmt.Sprintf("is filed under %s and so hidden from %s", subject, own)
	}
	return found
}
