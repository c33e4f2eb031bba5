package server

import (
	"context"

	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/audit"
	"github.com/customer-exports/exports/services/config/internal/export"
)

// Audits implements configv1.AuditServiceServer.
type Audits struct {
	configv1.UnimplementedAuditServiceServer
	Chain    *audit.Chain
	Registry *export.Registry
}

// ListAuditEvents returns a page of events.
func (s *Audits) ListAuditEvents(ctx context.Context, q *configv1.ListAuditEventsRequest) (*configv1.ListAuditEventsResponse, error) {
	events, next, err := s.Chain.List(ctx, audit.Query{
		CustomerID: q.GetCustomerId(), ExportID: q.GetExportId(), Actor: q.GetActor(), Refused: q.GetRefused(),
		Size: int(q.GetPageSize()), Token: q.GetPageToken(),
	})
	if err != nil {
		return nil, err
	}
	return &configv1.ListAuditEventsResponse{Events: events, NextPageToken: next}, nil
}

// VerifyAuditChain walks the whole chain. Revisions are listed first: one that is made meanwhile is told of later.
func (s *Audits) VerifyAuditChain(ctx context.Context, _ *configv1.VerifyAuditChainRequest) (*configv1.VerifyAuditChainResponse, error) {
	revisions, err := s.Registry.AllRevisions(ctx)
	if err != nil {
		return nil, err
	}
	report, err := s.Chain.Verify(ctx, revisions)
	if err != nil {
		return nil, err
	}
	answer := &configv1.VerifyAuditChainResponse{Intact: len(report.Faults) == 0, EventCount: report.EventCount, HeadHash: report.HeadHash}
	for _, f := range report.Faults {
		answer.Faults = append(answer.Faults, &configv1.ChainFault{Sequence: f.Sequence, Message: f.Message})
	}
	return answer, nil
}
