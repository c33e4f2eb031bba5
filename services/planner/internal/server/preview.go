package server

import (
	"context"

	"go.opentelemetry.io/otel/attribute"

	"github.com/customer-exports/exports/pkg/obs"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
)

// PreviewPlan says what the run of an export for one date would do.
func (s *Runs) PreviewPlan(ctx context.Context, r *planv1.PreviewPlanRequest) (*planv1.PreviewPlanResponse, error) {
	ctx = obs.WithAttrs(ctx, attribute.String(obs.KeyExportID, r.GetExportId()), attribute.String(obs.KeyExportDate, r.GetExportDate()))
	preview, err := s.Planner.Preview(ctx, r.GetExportId(), r.GetExportDate(), r.GetRevision())
	if err != nil {
		return nil, err
	}
	return &planv1.PreviewPlanResponse{Preview: preview}, nil
}
