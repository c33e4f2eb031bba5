package plan

import (
	"context"
	"fmt"

	"github.com/customer-exports/exports/pkg/obs"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	"github.com/customer-exports/exports/services/planner/internal/run"
)

// Cancel ends a run before its commit. NotFound without such a run, State COMMIT_BEGUN or RUN_ENDED when it is too late.
func (p *Planner) Cancel(ctx context.Context, runID string, by By) (*planv1.Run, error) {
	act := by.act("CancelRun", p.Now())
	r, changed, err := p.change(ctx, runID, func(r *planv1.Run) (bool, error) { return run.Cancel(r, act) })
	if err != nil {
		return nil, fmt.Errorf("cancelling run %s: %w", runID, err)
	}
	if changed {
		p.Tel.Logger.InfoContext(ctx, "run cancelled", obs.KeyRunID, runID)
		p.announceAct(ctx, r, factCancelled)
	}
	return r, nil
}

// Aborted notes that no upload of a cancelled run is left.
func (p *Planner) Aborted(ctx context.Context, runID string) error {
	_, changed, err := p.change(ctx, runID, run.Abort)
	if err != nil {
		return fmt.Errorf("noting the abort of run %s: %w", runID, err)
	}
	if changed {
		p.Tel.Logger.InfoContext(ctx, "uploads of a run that is over aborted", obs.KeyRunID, runID)
	}
	return nil
}

// noteStray has the uploads of a run that is over aborted once more when a part of it came late.
func (p *Planner) noteStray(ctx context.Context, r *planv1.Run) {
	if !run.Over(r) {
		return
	}
	id := r.GetRef().GetRunId()
	if _, _, err := p.change(ctx, id, func(r *planv1.Run) (bool, error) { return run.Stray(r), nil }); err != nil {
		p.Tel.Logger.WarnContext(ctx, "an upload of a run that is over is left behind", obs.KeyRunID, id, obs.KeyError, err)
	}
}
