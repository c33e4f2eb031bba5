package store

import (
	"context"
	"errors"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/bus"
	"github.com/customer-exports/exports/pkg/obs"
	eventv1 "github.com/customer-exports/exports/proto/exports/event/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/planner/internal/dispatch"
	"github.com/customer-exports/exports/services/planner/internal/run"
)

// Queue queues tasks and tells facts through JetStream.
type Queue struct {
	bus *bus.Bus
	tel *obs.Telemetry
}

// NewQueue queues through b; both stay the caller's.
func NewQueue(b *bus.Bus, tel *obs.Telemetry) *Queue { return &Queue{bus: b, tel: tel} }

// Look gives all tasks in the queue, and the version of the queue, which changes when one is added.
func (q *Queue) Look(ctx context.Context) ([]dispatch.Queued, uint64, error) {
	backlog, err := q.bus.Backlog(ctx)
	if err != nil {
		return nil, 0, err
	}
	tasks := make([]dispatch.Queued, 0, len(backlog.Tasks))
	for _, t := range backlog.Tasks {
		runID, _, _ := strings.Cut(t.TaskID, ".")
		tasks = append(tasks, dispatch.Queued{
			RunID: runID, Customer: t.CustomerID, Task: dispatch.Task{ID: t.TaskID, Kind: t.Kind}, Messages: t.Messages,
		})
	}
	return tasks, backlog.Last, nil
}

// Publish queues a task with ctx's span as its parent, as long as the queue is at that version. It returns the next one,
// and whether the task was queued.
func (q *Queue) Publish(ctx context.Context, t *taskv1.Task, version uint64) (uint64, bool, error) {
	next, err := q.bus.PublishTaskAfter(ctx, q.tel, run.Kind(t), t, version)
	if errors.Is(err, bus.ErrOvertaken) {
		return 0, false, nil
	}
	return next, err == nil, err
}

// GivenUp tells how often a task was given up, and why the last time.
func (q *Queue) GivenUp(ctx context.Context, t *taskv1.Task) (int, *planv1.Failure, error) {
	death, err := q.bus.Death(ctx, run.Kind(t), t)
	if err != nil || death.Count == 0 {
		return 0, nil, err
	}
	return death.Count, &planv1.Failure{
		TaskId: t.GetTaskId(), Table: t.GetExtract().GetTable(), Attempt: int32(death.Attempts), Reason: string(death.Reason),
		Message: death.Cause, FailTime: timestamppb.New(death.Time),
	}, nil
}

// Announce tells a fact.
func (q *Queue) Announce(ctx context.Context, e *eventv1.Event) error {
	return q.bus.PublishEvent(ctx, q.tel, e)
}
