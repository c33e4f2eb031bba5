package plan

import (
	"context"
	"fmt"

	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/planner/internal/run"
)

// checkAlive says whether a task may be queued. One that was given up without a report, because its workers crashed each
// time, does not come back: it fails its run, as a report would have. A task whose end is on record, and which the run
// waits for nevertheless, was asked for again.
func (p *Planner) checkAlive(ctx context.Context, r *planv1.Run, t *taskv1.Task) (bool, error) {
	times, cause, err := p.Queue.GivenUp(ctx, t)
	if err != nil || times <= int(run.GivenUp(r, t.GetTaskId())) {
		return err == nil, err
	}
	cause.GivenUpCount = int32(times) //nolint:gosec // letters are counted in tens
	id := r.GetRef().GetRunId()
	var before planv1.RunState
	r, changed, err := p.change(ctx, id, func(r *planv1.Run) (bool, error) {
		before = r.GetState()
		return cause.GetGivenUpCount() > run.GivenUp(r, t.GetTaskId()) && run.Fail(r, cause), nil
	})
	if err != nil {
		return false, fmt.Errorf("noting that run %s failed: %w", id, err)
	}
	if changed {
		p.tellFailure(ctx, before, r, cause)
	}
	return false, nil
}
