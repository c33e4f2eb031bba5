// Package server answers RunService and ReportService: proto in, plan, proto out. It decides nothing. Start reading at
// Runs and Reports.
package server

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/customer-exports/exports/pkg/obs"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	"github.com/customer-exports/exports/services/planner/internal/plan"
)

// Runs implements RunService.
type Runs struct {
	planv1.UnimplementedRunServiceServer
	Planner *plan.Planner
}

// StartRun plans the run of an export for one date, or returns the run that exists.
func (s *Runs) StartRun(ctx context.Context, r *planv1.StartRunRequest) (*planv1.StartRunResponse, error) {
	ctx = obs.WithAttrs(ctx, attribute.String(obs.KeyExportID, r.GetExportId()), attribute.String(obs.KeyExportDate, r.GetExportDate()))
	run, err := s.Planner.Start(ctx, r.GetExportId(), r.GetExportDate())
	if err != nil {
		return nil, err
	}
	return &planv1.StartRunResponse{Run: run}, nil
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
	filter := plan.Filter{CustomerID: r.GetCustomerId(), ExportDate: r.GetExportDate()}
	runs, next, err := s.Planner.List(ctx, filter, plan.Page{Size: int(r.GetPageSize()), Token: r.GetPageToken()})
	if err != nil {
		return nil, err
	}
	return &planv1.ListRunsResponse{Runs: runs, NextPageToken: next}, nil
}

// Reports implements ReportService.
type Reports struct {
	planv1.UnimplementedReportServiceServer
	Planner *plan.Planner
}

// ReportMeasurement takes the row counts of a run.
func (s *Reports) ReportMeasurement(ctx context.Context, r *planv1.ReportMeasurementRequest) (*planv1.ReportMeasurementResponse, error) {
	if err := s.Planner.Measure(about(ctx, r), r.GetRunId(), r.GetTables()); err != nil {
		return nil, err
	}
	return &planv1.ReportMeasurementResponse{}, nil
}

// ReportPart takes the receipt of a part.
func (s *Reports) ReportPart(ctx context.Context, r *planv1.ReportPartRequest) (*planv1.ReportPartResponse, error) {
	accepted, err := s.Planner.Receive(about(ctx, r), r.GetRunId(), r.GetReceipt())
	if err != nil {
		return nil, err
	}
	return &planv1.ReportPartResponse{Accepted: accepted}, nil
}

// ReportCommit takes note of a visible drop.
func (s *Reports) ReportCommit(ctx context.Context, r *planv1.ReportCommitRequest) (*planv1.ReportCommitResponse, error) {
	var at time.Time
	if r.GetCommitTime() != nil {
		at = r.GetCommitTime().AsTime()
	}
	if err := s.Planner.Commit(about(ctx, r), r.GetRunId(), r.GetManifestKey(), at); err != nil {
		return nil, err
	}
	return &planv1.ReportCommitResponse{}, nil
}

// ReportFailure takes note of a failed attempt.
func (s *Reports) ReportFailure(ctx context.Context, r *planv1.ReportFailureRequest) (*planv1.ReportFailureResponse, error) {
	if err := s.Planner.Fail(about(ctx, r), r.GetRunId(), r.GetFailure()); err != nil {
		return nil, err
	}
	return &planv1.ReportFailureResponse{}, nil
}

// ListReceipts returns a page of receipts of a run that is being committed.
func (s *Reports) ListReceipts(ctx context.Context, r *planv1.ListReceiptsRequest) (*planv1.ListReceiptsResponse, error) {
	page, err := s.Planner.ListReceipts(about(ctx, r), r.GetRunId(), plan.Page{Size: int(r.GetPageSize()), Token: r.GetPageToken()})
	if err != nil {
		return nil, err
	}
	return &planv1.ListReceiptsResponse{Receipts: page.Receipts, NextPageToken: page.NextToken, Run: page.Run}, nil
}

// about adds the run to the call's span.
func about(ctx context.Context, r interface{ GetRunId() string }) context.Context {
	return obs.WithAttrs(ctx, attribute.String(obs.KeyRunID, r.GetRunId()))
}
