package server

import (
	"context"

	"go.opentelemetry.io/otel/attribute"

	"github.com/customer-exports/exports/pkg/obs"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	"github.com/customer-exports/exports/services/planner/internal/run"
)

// PreviewExpiry says what becomes of the drops of an export.
func (s *Runs) PreviewExpiry(ctx context.Context, r *planv1.PreviewExpiryRequest) (*planv1.PreviewExpiryResponse, error) {
	ctx = obs.WithAttrs(ctx, attribute.String(obs.KeyExportID, r.GetExportId()))
	drops, err := s.Planner.Outlook(ctx, r.GetExportId(), instant(r.GetAtTime()))
	if err != nil {
		return nil, err
	}
	answer := &planv1.PreviewExpiryResponse{Drops: drops}
	for _, d := range drops {
		if run.Goes(d) {
			answer.DeletedFileCount += d.GetFileCount()
			answer.DeletedBytes += d.GetFileBytes()
		}
	}
	return answer, nil
}
