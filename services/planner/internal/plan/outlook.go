package plan

import (
	"context"
	"fmt"
	"time"

	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	"github.com/customer-exports/exports/services/planner/internal/run"
)

// Outlook says what becomes of the drops of an export by an instant; the zero one means now. NotFound without such an export.
func (p *Planner) Outlook(ctx context.Context, exportID string, at time.Time) ([]*planv1.DropOutlook, error) {
	export, err := p.Exports.Get(ctx, exportID)
	if err != nil {
		return nil, err
	}
	if at.IsZero() {
		at = p.Now()
	}
	ids, err := p.Store.RunIDs(ctx)
	if err != nil {
		return nil, err
	}
	var runs []*planv1.Run
	for _, id := range ids {
		if !run.OfExport(id, exportID) {
			continue
		}
		r, err := p.Store.Get(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("reading run %s: %w", id, err)
		}
		runs = append(runs, r)
	}
	return run.Outlook(runs, export.GetState() == configv1.ExportState_EXPORT_STATE_ARCHIVED, at), nil
}
