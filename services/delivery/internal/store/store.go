// Package store reads what other services own: approved revisions from config, receipts from the
// planner. It decides nothing. Start at Revisions and Planner.
package store

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/dictionary"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	"github.com/customer-exports/exports/services/delivery/internal/approved"
	"github.com/customer-exports/exports/services/delivery/internal/commit"
)

const (
	// callTimeout bounds one call to a peer.
	callTimeout = 15 * time.Second
	pageSize    = 500
)

// Revisions reads approved revisions; each call asks anew.
type Revisions struct {
	Config configv1.ConfigServiceClient
	Words  *dictionary.Dictionary
}

// Revision reads one revision and judges it.
func (r *Revisions) Revision(ctx context.Context, exportID string, number int64) (*approved.Revision, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	answer, err := r.Config.GetRevision(ctx, &configv1.GetRevisionRequest{ExportId: exportID, Revision: number})
	if err != nil {
		return nil, err
	}
	return approved.New(answer, r.Words)
}

// Planner reads receipts and reports commits and failures.
type Planner struct {
	Reports planv1.ReportServiceClient
}

// Plan reads every page of a run's receipts.
func (p *Planner) Plan(ctx context.Context, runID string) (commit.Plan, error) {
	var plan commit.Plan
	token := ""
	for {
		page, err := p.page(ctx, runID, token)
		if err != nil {
			return commit.Plan{}, err
		}
		plan.Run = page.GetRun()
		plan.Receipts = append(plan.Receipts, page.GetReceipts()...)
		if token = page.GetNextPageToken(); token == "" {
			return plan, nil
		}
	}
}

func (p *Planner) page(ctx context.Context, runID, token string) (*planv1.ListReceiptsResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return p.Reports.ListReceipts(ctx, &planv1.ListReceiptsRequest{RunId: runID, PageSize: pageSize, PageToken: token})
}

// Committed reports a drop that stands.
func (p *Planner) Committed(ctx context.Context, runID, manifestKey string, at time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := p.Reports.ReportCommit(ctx, &planv1.ReportCommitRequest{RunId: runID, ManifestKey: manifestKey, CommitTime: timestamppb.New(at)})
	return err
}

// Failed reports a failed attempt.
func (p *Planner) Failed(ctx context.Context, runID string, failure *planv1.Failure) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := p.Reports.ReportFailure(ctx, &planv1.ReportFailureRequest{RunId: runID, Failure: failure})
	return err
}
