package store

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"github.com/customer-exports/exports/pkg/bus"
	"github.com/customer-exports/exports/pkg/obs"
	eventv1 "github.com/customer-exports/exports/proto/exports/event/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/planner/internal/run"
)

// Queue queues tasks and tells facts through JetStream.
type Queue struct {
	bus *bus.Bus
	tel *obs.Telemetry
}

// NewQueue queues through b; both stay the caller's.
func NewQueue(b *bus.Bus, tel *obs.Telemetry) *Queue { return &Queue{bus: b, tel: tel} }

// Publish queues a task with ctx's span as its parent. Within two minutes a task is queued once for each value of again,
// which is empty the first time.
func (q *Queue) Publish(ctx context.Context, t *taskv1.Task, again string) error {
	if again == "" {
		return q.bus.PublishTask(ctx, q.tel, run.Kind(t), t)
	}
	data, err := proto.Marshal(t)
	if err != nil {
		return fmt.Errorf("encoding task %s: %w", t.GetTaskId(), err)
	}
	// The same task under a message id of its own: under the task's, the server would swallow it as a duplicate.
	msg := &nats.Msg{
		Subject: "task." + run.Kind(t) + "." + t.GetRun().GetCustomerId(), Data: data,
		Header: nats.Header{"Nats-Msg-Id": {t.GetTaskId() + "." + again}, "traceparent": {obs.Traceparent(ctx)}},
	}
	if _, err := q.bus.JetStream().PublishMsg(ctx, msg); err != nil {
		return away(err, "queueing task %s again", t.GetTaskId())
	}
	return nil
}

// Announce tells a fact.
func (q *Queue) Announce(ctx context.Context, e *eventv1.Event) error {
	return q.bus.PublishEvent(ctx, q.tel, e)
}
