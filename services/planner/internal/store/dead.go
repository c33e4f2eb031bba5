package store

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/bus"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	"github.com/customer-exports/exports/services/planner/internal/plan"
)

// Dead is the stream of tasks that were given up.
type Dead struct{ bus *bus.Bus }

// NewDead reads through b, which stays the caller's.
func NewDead(b *bus.Bus) *Dead { return &Dead{bus: b} }

// List gives at most limit of them, oldest first, from a sequence on.
func (d *Dead) List(ctx context.Context, f plan.DeadFilter, from uint64, limit int) ([]*planv1.DeadTask, error) {
	letters, err := d.bus.Letters(ctx, bus.LetterFilter(f), from, limit)
	if err != nil {
		return nil, err
	}
	tasks := make([]*planv1.DeadTask, 0, len(letters))
	for _, l := range letters {
		tasks = append(tasks, &planv1.DeadTask{
			Sequence: l.Sequence, Task: l.Task, Kind: l.Kind, CustomerId: l.CustomerID, Reason: string(l.Reason), Cause: l.Cause,
			AttemptCount: int32(l.Attempts), DeadTime: timestamppb.New(l.Time), //nolint:gosec // attempts are counted in tens
		})
	}
	return tasks, nil
}

// Remove takes one out; one that is not there was taken out before.
func (d *Dead) Remove(ctx context.Context, sequence uint64) error {
	return d.bus.RemoveLetter(ctx, sequence)
}
