package server

import (
	"context"
	"fmt"

	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/diff"
	"github.com/customer-exports/exports/services/config/internal/export"
	"github.com/customer-exports/exports/services/config/internal/file"
)

// Revisions implements configv1.RevisionServiceServer.
type Revisions struct {
	configv1.UnimplementedRevisionServiceServer
	Registry *export.Registry
}

// ListRevisions returns a page of revisions.
func (s *Revisions) ListRevisions(ctx context.Context, q *configv1.ListRevisionsRequest) (*configv1.ListRevisionsResponse, error) {
	revisions, next, err := s.Registry.ListRevisions(ctx, q.GetExportId(), page(q))
	if err != nil {
		return nil, err
	}
	return &configv1.ListRevisionsResponse{Revisions: revisions, NextPageToken: next}, nil
}

// DiffRevisions says how two revisions differ.
func (s *Revisions) DiffRevisions(ctx context.Context, q *configv1.DiffRevisionsRequest) (*configv1.DiffRevisionsResponse, error) {
	older, newer, changes, err := s.Registry.Diff(ctx, q.GetExportId(), q.GetFromRevision(), q.GetToRevision())
	if err != nil {
		return nil, err
	}
	text, err := unified(older.GetSpec(), newer.GetSpec(), fmt.Sprint("revision ", older.GetRevision()), fmt.Sprint("revision ", newer.GetRevision()))
	if err != nil {
		return nil, err
	}
	return &configv1.DiffRevisionsResponse{FromRevision: older.GetRevision(), ToRevision: newer.GetRevision(), Changes: changes, Diff: text}, nil
}

// unified compares two specifications as an operator writes them; nil is an empty file.
func unified(before, after *configv1.ExportSpec, beforeName, afterName string) (string, error) {
	texts := make([]string, 2)
	for i, spec := range []*configv1.ExportSpec{before, after} {
		if spec == nil {
			continue
		}
		var err error
		if texts[i], err = file.Format(&configv1.ExportFile{Spec: spec}); err != nil {
			return "", err
		}
	}
	return diff.Unified(texts[0], texts[1], beforeName, afterName), nil
}

// PreflightDestination tries out the bucket of a revision.
func (s *Revisions) PreflightDestination(ctx context.Context, q *configv1.PreflightDestinationRequest) (*configv1.PreflightDestinationResponse, error) {
	p, err := s.Registry.Preflight(ctx, q.GetExportId(), q.GetRevision(), by(q))
	if err != nil {
		return nil, err
	}
	return &configv1.PreflightDestinationResponse{Preflight: p}, nil
}

// ApproveRevision brings the pending revision into force.
func (s *Revisions) ApproveRevision(ctx context.Context, q *configv1.ApproveRevisionRequest) (*configv1.ApproveRevisionResponse, error) {
	e, err := s.Registry.Approve(ctx, q.GetExportId(), q.GetRevision(), export.By{Author: q.GetApprover(), Reason: q.GetReason()})
	if err != nil {
		return nil, err
	}
	return &configv1.ApproveRevisionResponse{Export: e}, nil
}

// RejectRevision ends the pending revision.
func (s *Revisions) RejectRevision(ctx context.Context, q *configv1.RejectRevisionRequest) (*configv1.RejectRevisionResponse, error) {
	e, err := s.Registry.Reject(ctx, q.GetExportId(), q.GetRevision(), export.By{Author: q.GetApprover(), Reason: q.GetReason()})
	if err != nil {
		return nil, err
	}
	return &configv1.RejectRevisionResponse{Export: e}, nil
}
