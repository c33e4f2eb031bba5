package store

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/customer-exports/exports/pkg/bus"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/audit"
)

// AuditLog implements audit.Log. An event's place is its sequence in the stream, which the server counts on although a
// message is removed, and it is filed under audit.<customer or _>.<export or _>, so that theirs are found without
// reading others'.
type AuditLog struct {
	js     jetstream.JetStream
	stream jetstream.Stream
}

// NewAuditLog keeps events in stream, the one called bus.StreamAudit.
func NewAuditLog(js jetstream.JetStream, stream jetstream.Stream) *AuditLog {
	return &AuditLog{js: js, stream: stream}
}

// Head says how far the stream goes.
func (l *AuditLog) Head(ctx context.Context) (audit.Head, error) {
	info, err := l.stream.Info(ctx)
	if err != nil {
		return audit.Head{}, away(err, "looking at stream %s", bus.StreamAudit)
	}
	head := audit.Head{Sequence: place(info.State.LastSeq), Count: place(info.State.Msgs)}
	if info.State.Msgs == 0 {
		return head, nil
	}
	last, err := l.stream.GetMsg(ctx, info.State.LastSeq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		last, err = l.stream.GetLastMsgForSubject(ctx, bus.AuditSubject("*", "*"))
	}
	if err != nil {
		return audit.Head{}, away(err, "reading the last audit event")
	}
	head.Hash = entry(last.Sequence, last.Subject, last.Data).Event.GetHash()
	return head, nil
}

// Append publishes e under the condition that the stream's last sequence is that of the event before, whatever its
// subject.
func (l *AuditLog) Append(ctx context.Context, e *configv1.AuditEvent) error {
	if e.GetSequence() < 1 {
		return audit.ErrMoved
	}
	data, err := audit.Encode(e)
	if err != nil {
		return err
	}
	msg := &nats.Msg{Subject: bus.AuditSubject(e.GetCustomerId(), e.GetExportId()), Data: data}
	_, err = l.js.PublishMsg(ctx, msg, jetstream.WithExpectStream(bus.StreamAudit),
		jetstream.WithExpectLastSequence(uint64(e.GetSequence()-1)))
	if refused := (*jetstream.APIError)(nil); errors.As(err, &refused) && lostRace(refused.ErrorCode) {
		return audit.ErrMoved
	}
	if err != nil {
		return away(err, "adding audit event %d", e.GetSequence())
	}
	return nil
}

// lostRace knows the answer of a stream with one replica, and that of one with several.
func lostRace(code jetstream.ErrorCode) bool {
	return code == jetstream.JSErrCodeStreamWrongLastSequence || code == jetstream.JSErrCodeStreamWrongLastSequenceConstant
}

// place is a sequence of the stream in the contract's type; no stream reaches where they differ.
func place(sequence uint64) int64 { return int64(sequence) }
