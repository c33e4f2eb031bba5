// Package store reads what other services own: approved revisions from config, receipts from the
// planner. It decides nothing. Start at Revisions and Planner.
package store

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	"github.com/customer-exports/exports/services/delivery/internal/approved"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
	"github.com/customer-exports/exports/services/delivery/internal/commit"
)

const (
	// callTimeout bounds one call to a peer.
	callTimeout = 15 * time.Second
	pageSize    = 500
)

// Revisions reads revisions; each call asks anew.
type Revisions struct {
	Config    configv1.ConfigServiceClient
	Contracts configv1.ContractServiceClient
	Words     *dictionary.Dictionary
}

// Revision reads one revision and judges it. One that was never in force is refused as NOT_APPROVED,
// whether the config service hides it or not.
func (r *Revisions) Revision(ctx context.Context, exportID string, number int64) (*approved.Revision, error) {
	answer, err := r.read(ctx, &configv1.GetRevisionRequest{ExportId: exportID, Revision: number})
	if fault.KindOf(err) == fault.NotFound {
		return nil, fault.Wrap(err, fault.State, fault.ReasonNotApproved, "revision %d of export %s is not there, or never was in force", number, exportID)
	}
	if err != nil {
		return nil, err
	}
	return approved.New(answer, r.Words)
}

// Destination reads where a revision's drops land, also of one that is not approved, which may only be
// tried out. NOT_FOUND without such a revision.
func (r *Revisions) Destination(ctx context.Context, exportID string, number int64) (bucket.Destination, error) {
	answer, err := r.read(ctx, &configv1.GetRevisionRequest{ExportId: exportID, Revision: number, IncludeUnapproved: true})
	if kind := fault.KindOf(err); kind == fault.NotFound || kind == fault.Invalid { // what cannot be an id is none
		return bucket.Destination{}, fault.Wrap(err, fault.NotFound, fault.ReasonNotFound, "there is no revision %d of an export %s", number, exportID)
	}
	if err != nil {
		return bucket.Destination{}, err
	}
	return approved.Destination(answer)
}

// InForce reads what holds for an export now. NOT_APPROVED when no revision was ever in force.
func (r *Revisions) InForce(ctx context.Context, exportID string) (approved.InForce, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	answer, err := r.Config.GetExport(ctx, &configv1.GetExportRequest{ExportId: exportID})
	if err != nil {
		return approved.InForce{}, err
	}
	export := answer.GetExport()
	if export.GetRevision() == nil {
		return approved.InForce{}, fault.New(fault.State, fault.ReasonNotApproved, "no revision of export %s is in force", exportID)
	}
	destination, err := r.Destination(ctx, exportID, export.GetRevision().GetRevision())
	return approved.InForce{Archived: export.GetState() == configv1.ExportState_EXPORT_STATE_ARCHIVED, Destination: destination}, err
}

// Contract reads the data contract of the revision in force, and that revision's number.
func (r *Revisions) Contract(ctx context.Context, exportID string) (text []byte, revision int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	answer, err := r.Contracts.GetDataContract(ctx, &configv1.GetDataContractRequest{ExportId: exportID})
	return []byte(answer.GetYaml()), answer.GetRevision(), err
}

// Place reads where drops land: those of a revision, or of the one in force when it is zero. NOT_FOUND without such a revision.
func (r *Revisions) Place(ctx context.Context, exportID string, revision int64) (bucket.Destination, error) {
	if revision > 0 {
		return r.Destination(ctx, exportID, revision)
	}
	now, err := r.InForce(ctx, exportID)
	return now.Destination, err
}

// Exports are those of a customer that have or had a revision in force, in id order.
func (r *Revisions) Exports(ctx context.Context, customerID string) ([]string, error) {
	var ids []string
	request := &configv1.ListExportsRequest{CustomerId: customerID, PageSize: pageSize}
	for {
		page, err := r.exports(ctx, request)
		if err != nil {
			return nil, err
		}
		for _, e := range page.GetExports() {
			if e.GetRevision() != nil {
				ids = append(ids, e.GetExportId())
			}
		}
		if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
			return ids, nil
		}
	}
}

func (r *Revisions) exports(ctx context.Context, q *configv1.ListExportsRequest) (*configv1.ListExportsResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return r.Config.ListExports(ctx, q)
}

func (r *Revisions) read(ctx context.Context, q *configv1.GetRevisionRequest) (*configv1.GetRevisionResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return r.Config.GetRevision(ctx, q)
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

// Receipt reads the receipt of one part, and its run.
func (p *Planner) Receipt(ctx context.Context, runID, table string, index int32) (*planv1.Run, *deliveryv1.Receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	answer, err := p.Reports.GetReceipt(ctx, &planv1.GetReceiptRequest{RunId: runID, Table: table, PartIndex: index})
	return answer.GetRun(), answer.GetReceipt(), err
}

// Received reports a receipt, and says whether it stands.
func (p *Planner) Received(ctx context.Context, runID string, attempt int, r *deliveryv1.Receipt) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	answer, err := p.Reports.ReportPart(ctx, &planv1.ReportPartRequest{
		RunId: runID, Attempt: int32(attempt), Receipt: r, //nolint:gosec // deliveries are counted in tens
	})
	return answer.GetAccepted(), err
}

// Committed reports a drop that stands, and from when it may be deleted.
func (p *Planner) Committed(ctx context.Context, runID, manifestKey string, at, expires time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := p.Reports.ReportCommit(ctx, &planv1.ReportCommitRequest{
		RunId: runID, ManifestKey: manifestKey, CommitTime: timestamppb.New(at), ExpireTime: timestamppb.New(expires),
	})
	return err
}

// Failed reports a failed attempt.
func (p *Planner) Failed(ctx context.Context, runID string, failure *planv1.Failure) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := p.Reports.ReportFailure(ctx, &planv1.ReportFailureRequest{RunId: runID, Failure: failure})
	return err
}

// Wanted asks whether a run still wants its tasks done.
func (p *Planner) Wanted(ctx context.Context, runID string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := p.Reports.CheckRun(ctx, &planv1.CheckRunRequest{RunId: runID})
	return err
}

// Aborted reports that no upload of a run is left.
func (p *Planner) Aborted(ctx context.Context, runID string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := p.Reports.ReportAbort(ctx, &planv1.ReportAbortRequest{RunId: runID})
	return err
}

// Expired reports that nothing of a run's drop is left.
func (p *Planner) Expired(ctx context.Context, runID string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := p.Reports.ReportExpiry(ctx, &planv1.ReportExpiryRequest{RunId: runID})
	return err
}
