package work

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/customer-exports/exports/pkg/obs"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
)

// earliestWithin bounds the question how far back the source reaches.
const earliestWithin = 10 * time.Second

// earliest finds the instant at which the run could be planned anew. When the source does not tell it, the planner chooses
// another.
func (h *Handler) earliest(ctx context.Context, run *taskv1.RunRef) time.Time {
	ctx, cancel := context.WithTimeout(ctx, earliestWithin)
	defer cancel()
	tables, err := h.tables(ctx, run)
	if err == nil {
		var at time.Time
		if at, err = h.Source.Earliest(ctx, tables); err == nil {
			return at
		}
	}
	h.Telemetry.Logger.WarnContext(ctx, "the source does not tell how far back it reaches", slog.String(obs.KeyRunID, run.GetRunId()),
		slog.String(obs.KeyError, err.Error()))
	return time.Time{}
}

// tables are those that a run reads, also only to learn what belongs to the customer.
func (h *Handler) tables(ctx context.Context, run *taskv1.RunRef) (names []string, err error) {
	revision, err := h.approved(ctx, run)
	if err != nil {
		return nil, err
	}
	for _, selection := range revision.GetSpec().GetTables() {
		layout, err := h.layout(selection)
		if err != nil {
			return nil, err
		}
		if names = append(names, layout.Table.Name); layout.Parent != nil {
			names = append(names, layout.Parent.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}
