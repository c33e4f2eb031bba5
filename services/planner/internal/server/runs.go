package server

import (
	"context"

	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	"github.com/customer-exports/exports/services/planner/internal/plan"
)

// Runs implements RunService.
type Runs struct {
	planv1.UnimplementedRunServiceServer
	Planner *plan.Planner
}

// asker is a request that names who asks for a change.
type asker interface {
	GetAuthor() string
	GetReason() string
}

func by(r asker) plan.By { return plan.By{Author: r.GetAuthor(), Reason: r.GetReason()} }

// StartRun plans the run of an export for one date, or returns the run that exists.
func (s *Runs) StartRun(ctx context.Context, r *planv1.StartRunRequest) (*planv1.StartRunResponse, error) {
	run, err := s.Planner.Start(aboutExport(ctx, r.GetExportId(), r.GetExportDate()), r.GetExportId(), r.GetExportDate(), by(r))
	if err != nil {
		return nil, err
	}
	return &planv1.StartRunResponse{Run: run}, nil
}

// Backfill plans the runs of a range of dates, or says what it would do.
func (s *Runs) Backfill(ctx context.Context, r *planv1.BackfillRequest) (*planv1.BackfillResponse, error) {
	dates := plan.Range{From: r.GetFromDate(), To: r.GetToDate(), Dry: r.GetDryRun()}
	return s.Planner.Backfill(aboutExport(ctx, r.GetExportId(), r.GetFromDate()), r.GetExportId(), dates, by(r))
}

// CancelRun ends a run before its commit.
func (s *Runs) CancelRun(ctx context.Context, r *planv1.CancelRunRequest) (*planv1.CancelRunResponse, error) {
	run, err := s.Planner.Cancel(about(ctx, r), r.GetRunId(), by(r))
	if err != nil {
		return nil, err
	}
	return &planv1.CancelRunResponse{Run: run}, nil
}

// ReExtract reads the drop of a run once more.
func (s *Runs) ReExtract(ctx context.Context, r *planv1.ReExtractRequest) (*planv1.ReExtractResponse, error) {
	run, err := s.Planner.ReExtract(about(ctx, r), r.GetRunId(), instant(r.GetAsOfTime()), by(r))
	if err != nil {
		return nil, err
	}
	return &planv1.ReExtractResponse{Run: run}, nil
}

// RePlan plans the drop of a run anew.
func (s *Runs) RePlan(ctx context.Context, r *planv1.RePlanRequest) (*planv1.RePlanResponse, error) {
	run, err := s.Planner.RePlan(about(ctx, r), r.GetRunId(), instant(r.GetAsOfTime()), by(r))
	if err != nil {
		return nil, err
	}
	return &planv1.RePlanResponse{Run: run}, nil
}

// Resend delivers the files of a run once more.
func (s *Runs) Resend(ctx context.Context, r *planv1.ResendRequest) (*planv1.ResendResponse, error) {
	run, err := s.Planner.Resend(about(ctx, r), r.GetRunId(), by(r))
	if err != nil {
		return nil, err
	}
	return &planv1.ResendResponse{Run: run}, nil
}

// GetRun returns one run.
func (s *Runs) GetRun(ctx context.Context, r *planv1.GetRunRequest) (*planv1.GetRunResponse, error) {
	run, err := s.Planner.Store.Get(ctx, r.GetRunId())
	if err != nil {
		return nil, err
	}
	return &planv1.GetRunResponse{Run: run}, nil
}

// ListRuns returns a page of runs, newest export date first.
func (s *Runs) ListRuns(ctx context.Context, r *planv1.ListRunsRequest) (*planv1.ListRunsResponse, error) {
	filter := plan.Filter{
		CustomerID: r.GetCustomerId(), ExportID: r.GetExportId(), ExportDate: r.GetExportDate(),
		From: r.GetFromDate(), To: r.GetToDate(), State: r.GetState(),
	}
	runs, next, err := s.Planner.List(ctx, filter, plan.Page{Size: int(r.GetPageSize()), Token: r.GetPageToken()})
	if err != nil {
		return nil, err
	}
	return &planv1.ListRunsResponse{Runs: runs, NextPageToken: next}, nil
}

// WatchRun tells the progress of a run until it has ended.
func (s *Runs) WatchRun(r *planv1.WatchRunRequest, stream planv1.RunService_WatchRunServer) error {
	return s.Planner.Watch(about(stream.Context(), r), r.GetRunId(), func(p *planv1.RunProgress) error {
		return stream.Send(&planv1.WatchRunResponse{Progress: p})
	})
}
