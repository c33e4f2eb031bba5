package plan

import (
	"context"
	"errors"
	"fmt"

	"github.com/customer-exports/exports/pkg/obs"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	"github.com/customer-exports/exports/services/planner/internal/run"
)

// expireOverdue begins to delete the drops whose time has come, and those whose place another one took. An export that is not
// among those given counts as one that goes on: its newest drop stays.
func (p *Planner) expireOverdue(ctx context.Context, exports []*configv1.Export) error {
	archived := map[string]bool{}
	for _, e := range exports {
		archived[e.GetExportId()] = e.GetState() == configv1.ExportState_EXPORT_STATE_ARCHIVED
	}
	var errs []error
	for _, due := range run.Overdue(p.live.visible(), func(id string) bool { return archived[id] }, p.Now()) {
		if ctx.Err() != nil {
			break
		}
		if err := p.expire(ctx, due); err != nil {
			errs = append(errs, fmt.Errorf("expiring the drop of run %s: %w", due.RunID, err))
		}
	}
	return errors.Join(errs...)
}

func (p *Planner) expire(ctx context.Context, due run.Due) error {
	r, changed, err := p.change(ctx, due.RunID, func(r *planv1.Run) (bool, error) { return run.Expire(r, due.By, p.Now()), nil })
	if !changed || err != nil {
		return err
	}
	log := p.Tel.Logger.With(obs.KeyRunID, due.RunID, obs.KeyCustomerID, r.GetRef().GetCustomerId())
	if due.By == nil {
		log.InfoContext(ctx, "retention is over, drop to be deleted")
	} else {
		log.InfoContext(ctx, "another drop took its place, drop to be deleted", obs.KeyBy, due.By.GetRunId())
	}
	return nil
}

// NoteExpired notes that nothing of an expired drop is left.
func (p *Planner) NoteExpired(ctx context.Context, runID string) error {
	r, changed, err := p.change(ctx, runID, run.NoteExpired)
	if err != nil {
		return fmt.Errorf("noting the expiry of run %s: %w", runID, err)
	}
	if changed {
		p.Tel.Logger.InfoContext(ctx, "drop deleted", obs.KeyRunID, runID)
		p.announce(ctx, r, factExpired, nil)
	}
	return nil
}
