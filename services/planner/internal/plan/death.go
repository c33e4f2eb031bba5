package plan

import (
	"context"
	"fmt"

	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/planner/internal/run"
)

// checkAlive says whether a task that is not in the queue may be queued. One that was given up without a report, because its
// workers crashed each time or the report was lost, is not queued: its end is noted now, as the report would have been. A
// task whose end is on record, and which the run waits for nevertheless, waited its time or was asked for again.
func (p *Planner) checkAlive(ctx context.Context, r *planv1.Run, t *taskv1.Task) (bool, error) {
	letters, cause, err := p.Queue.GivenUp(ctx, t)
	if err != nil {
		return false, err
	}
	id, times := r.GetRef().GetRunId(), int32(letters) //nolint:gosec // letters are counted in tens
	switch noted := run.GivenUp(r, t.GetTaskId()); {
	case times > noted:
		cause.GivenUpCount = times
		err = p.noteFailure(ctx, id, cause)
	case times < noted: // or the next time would pass for one that is on record
		_, _, err = p.change(ctx, id, func(r *planv1.Run) (bool, error) { return run.Recount(r, t.GetTaskId(), times), nil })
	default:
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("noting how often task %s was given up: %w", t.GetTaskId(), err)
	}
	return false, nil
}
