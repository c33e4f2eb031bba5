package bus

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/customer-exports/exports/pkg/fault"
)

// The stream of the audit chain, and the first token of its subjects.
const (
	StreamAudit = "AUDIT"
	auditPrefix = "audit."
)

// EnsureAudit returns the stream of the audit chain, created when missing, and takes back whatever lets it forget. Only
// the config service calls it. A message stays for good: the server refuses to delete it, and no limit ages it out.
func (b *Bus) EnsureAudit(ctx context.Context) (jetstream.Stream, error) {
	stream, err := b.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: StreamAudit, Description: "who changed what; events are only ever added",
		Subjects: []string{auditPrefix + "*.*"}, Storage: jetstream.FileStorage, Replicas: b.replicas,
		// Full storage refuses the next event: dropping the oldest would cut the chain.
		Discard: jetstream.DiscardNew, DenyDelete: true, DenyPurge: true,
	})
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, fault.ReasonUnavailable, "preparing stream %s", StreamAudit)
	}
	return stream, nil
}

// AuditSubject is where events about an export of a customer are; "" stands for none of it, and "*" for any.
func AuditSubject(customer, export string) string {
	return auditPrefix + auditToken(customer) + "." + auditToken(export)
}

// auditToken keeps a text that is no id from widening a subject.
func auditToken(id string) string {
	if id != "*" && !isToken(id) {
		return "_"
	}
	return id
}
