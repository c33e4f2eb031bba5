// Package server answers RunService and ReportService: proto in, plan, proto out. It decides nothing. Start reading at
// Runs and Reports.
package server

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/obs"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	"github.com/customer-exports/exports/services/planner/internal/plan"
)

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
	if err := s.Planner.Commit(about(ctx, r), r.GetRunId(), r.GetManifestKey(), instant(r.GetCommitTime()), instant(r.GetExpireTime())); err != nil {
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

// ReportAbort takes note that no upload of a cancelled run is left.
func (s *Reports) ReportAbort(ctx context.Context, r *planv1.ReportAbortRequest) (*planv1.ReportAbortResponse, error) {
	if err := s.Planner.Aborted(about(ctx, r), r.GetRunId()); err != nil {
		return nil, err
	}
	return &planv1.ReportAbortResponse{}, nil
}

// ReportExpiry takes note that nothing of an expired drop is left.
func (s *Reports) ReportExpiry(ctx context.Context, r *planv1.ReportExpiryRequest) (*planv1.ReportExpiryResponse, error) {
	if err := s.Planner.NoteExpired(about(ctx, r), r.GetRunId()); err != nil {
		return nil, err
	}
	return &planv1.ReportExpiryResponse{}, nil
}

// CheckRun says whether a run still wants its tasks done.
func (s *Reports) CheckRun(ctx context.Context, r *planv1.CheckRunRequest) (*planv1.CheckRunResponse, error) {
	if err := s.Planner.CheckWanted(about(ctx, r), r.GetRunId()); err != nil {
		return nil, err
	}
	return &planv1.CheckRunResponse{}, nil
}

// ListReceipts returns a page of receipts of a run that is being committed.
func (s *Reports) ListReceipts(ctx context.Context, r *planv1.ListReceiptsRequest) (*planv1.ListReceiptsResponse, error) {
	page, err := s.Planner.ListReceipts(about(ctx, r), r.GetRunId(), plan.Page{Size: int(r.GetPageSize()), Token: r.GetPageToken()})
	if err != nil {
		return nil, err
	}
	return &planv1.ListReceiptsResponse{Receipts: page.Receipts, NextPageToken: page.NextToken, Run: page.Run}, nil
}

// GetReceipt returns the receipt of one part.
func (s *Reports) GetReceipt(ctx context.Context, r *planv1.GetReceiptRequest) (*planv1.GetReceiptResponse, error) {
	run, receipt, err := s.Planner.Receipt(about(ctx, r), r.GetRunId(), r.GetTable(), r.GetPartIndex())
	if err != nil {
		return nil, err
	}
	return &planv1.GetReceiptResponse{Receipt: receipt, Run: run}, nil
}

// about adds the run to the call's span.
func about(ctx context.Context, r interface{ GetRunId() string }) context.Context {
	return obs.WithAttrs(ctx, attribute.String(obs.KeyRunID, r.GetRunId()))
}

// aboutExport adds an export, and the date of a drop, to the call's span.
func aboutExport(ctx context.Context, exportID, date string) context.Context {
	return obs.WithAttrs(ctx, attribute.String(obs.KeyExportID, exportID), attribute.String(obs.KeyExportDate, date))
}

// instant is the zero time when t is unset.
func instant(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}
