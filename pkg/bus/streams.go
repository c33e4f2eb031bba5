package bus

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/customer-exports/exports/pkg/fault"
)

// The streams, and the first token of their subjects.
const (
	StreamTasks      = "TASKS"
	StreamDead       = "DEAD"
	StreamEvents     = "EVENTS"
	StreamAdvisories = "ADVISORIES"

	taskPrefix  = "task."
	deadPrefix  = "dead."
	eventPrefix = "event."

	maxDeliveries = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES." + StreamTasks + "."
	terminated    = "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED." + StreamTasks + "."
)

const (
	day = 24 * time.Hour
	mib = 1 << 20
)

// EnsureTasks creates the four streams when missing. Every service may call it at its start.
func (b *Bus) EnsureTasks(ctx context.Context) error {
	for _, cfg := range b.streams() {
		if _, err := b.js.CreateOrUpdateStream(ctx, cfg); err != nil {
			return fault.Wrap(err, fault.Unavailable, fault.ReasonUnavailable, "preparing stream %s", cfg.Name)
		}
	}
	return nil
}

func (b *Bus) streams() []jetstream.StreamConfig {
	all := []jetstream.StreamConfig{
		{
			Name: StreamTasks, Description: "queued work; a message leaves when it is done or dead",
			Subjects: []string{taskPrefix + ">"}, Retention: jetstream.WorkQueuePolicy,
			// A full queue refuses work: dropping the oldest would lose it.
			Discard: jetstream.DiscardNew, MaxBytes: 64 * mib,
		},
		{
			Name: StreamDead, Description: "tasks given up, with their cause",
			Subjects: []string{deadPrefix + ">"}, MaxAge: 90 * day, MaxBytes: 64 * mib,
		},
		{
			Name: StreamEvents, Description: "facts; hints, never proof",
			Subjects: []string{eventPrefix + ">"}, MaxAge: 90 * day, MaxBytes: 256 * mib,
		},
		{
			Name: StreamAdvisories, Description: "what the server says about tasks that no worker settled",
			Subjects: []string{maxDeliveries + ">", terminated + ">"}, MaxAge: 30 * day, MaxBytes: 32 * mib,
		},
	}
	for i := range all {
		all[i].Storage, all[i].Replicas = jetstream.FileStorage, b.replicas
	}
	return all
}
