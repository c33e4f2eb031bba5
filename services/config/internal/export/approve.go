package export

import (
	"context"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/fault"
	commonv1 "github.com/customer-exports/exports/proto/exports/common/v1"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/approval"
	"github.com/customer-exports/exports/services/config/internal/audit"
	"github.com/customer-exports/exports/services/config/internal/rules"
)

// preflightFor is how long a passed preflight counts: a bucket changes hands slowly, but it does.
const preflightFor = 24 * time.Hour

// Approve brings the pending revision into force, for somebody who wrote neither it nor one that it superseded, and so holds
// nothing of their own. Everything is judged again: the source, other customers and the dictionary may have changed since.
func (r *Registry) Approve(ctx context.Context, id string, number int64, by By) (e *configv1.Export, err error) {
	defer r.again(ctx, id, &e, &err)
	record, revision, err := r.judge(ctx, id, number, by)
	if err != nil {
		return nil, err
	}
	if slices.Contains(record.authors(), by.Author) {
		return nil, fault.New(fault.Denied, fault.ReasonSelfApproval,
			"revision %d of export %s holds what %s asked for: somebody else must approve it", number, id, by.Author)
	}
	current, err := r.current(ctx, record)
	if err != nil {
		return nil, err
	}
	as := proposal{spec: revision.GetSpec(), by: By{Author: revision.GetAuthor(), Reason: revision.GetReason()}}
	if _, err := r.check(ctx, record, as, current.GetSpec()); err != nil {
		return nil, outdated(err, id, number)
	}
	if approval.Moves(revision.GetApprovalCauses()) {
		if err := r.requirePreflight(ctx, id, number); err != nil {
			return nil, err
		}
	}
	r.decide(ctx, record, by)
	record.enforce(r.now())
	return r.save(ctx, record, current, revision)
}

// Reject ends the pending revision. Its author may: that withdraws it.
func (r *Registry) Reject(ctx context.Context, id string, number int64, by By) (e *configv1.Export, err error) {
	defer r.again(ctx, id, &e, &err)
	record, revision, err := r.judge(ctx, id, number, by)
	if err != nil {
		return nil, err
	}
	r.decide(ctx, record, by)
	record.pending().State = configv1.RevisionState_REVISION_STATE_REJECTED
	return r.save(ctx, record, revision, nil)
}

// judge returns the pending revision, which must be the one that is named.
func (r *Registry) judge(ctx context.Context, id string, number int64, by By) (*Record, *configv1.Revision, error) {
	f := &rules.Faults{}
	f.Text("approver", rules.ActorFault(by.Author))
	f.Text("reason", rules.NoteFault(by.Reason))
	if err := f.Err(id); err != nil {
		return nil, nil, err
	}
	record, err := r.record(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	standing := record.find(number)
	if standing == nil {
		return nil, nil, noRevision(id, number)
	}
	if standing.State != configv1.RevisionState_REVISION_STATE_PENDING {
		return nil, nil, notPending(record, standing)
	}
	revision, err := r.read(ctx, record, standing)
	return record, revision, err
}

func notPending(record *Record, s *Standing) error {
	what := words([]configv1.RevisionState{s.State}, "REVISION_STATE_")
	if pending := record.pending(); pending != nil {
		return fault.New(fault.State, fault.ReasonNotPending, "revision %d of export %s is %s: revision %d awaits approval",
			s.Number, record.ExportID, what, pending.Number)
	}
	return fault.New(fault.State, fault.ReasonNotPending, "revision %d of export %s is %s: no revision awaits approval", s.Number, record.ExportID, what)
}

func (r *Registry) decide(ctx context.Context, record *Record, by By) {
	s := record.pending()
	s.Approver, s.ApprovalReason, s.ApprovalTime = by.Author, by.Reason, r.now()
	s.ApprovalRequestID = audit.Event(ctx).GetRequestId()
}

// outdated says that it is the state of things that refuses, not the approver's request.
func outdated(err error, id string, number int64) error {
	refused, ok := fault.Of(err)
	if !ok || refused.Kind != fault.Invalid && refused.Kind != fault.Exists {
		return err
	}
	out := fault.New(fault.State, refused.Reason, "revision %d of export %s can no longer come into force: update or reject it", number, id)
	out.Violations = refused.Violations
	return out
}

// requirePreflight refuses a revision whose bucket is not ready, and tries it out when nobody has lately.
func (r *Registry) requirePreflight(ctx context.Context, id string, number int64) error {
	last, err := r.store.Preflight(ctx, id, number)
	if fault.KindOf(err) == fault.NotFound || last.GetPassed() && r.now().Sub(last.GetCheckTime().AsTime()) > preflightFor {
		last, err = r.preflight(ctx, id, number)
	}
	if err != nil {
		return err
	}
	if last.GetPassed() {
		return nil
	}
	refusal := fault.New(fault.State, fault.ReasonPreflightFailed,
		"the destination of revision %d of export %s is not ready: mend it, then call PreflightDestination again", number, id)
	for _, c := range last.GetChecks() {
		if c.GetOutcome() == commonv1.CheckOutcome_CHECK_OUTCOME_FAILED {
			refusal.Violations = append(refusal.Violations, fault.Violation{Field: c.GetName(), Description: c.GetMessage() + "; " + c.GetFix()})
		}
	}
	return refusal
}

// Preflight tries out the destination of a revision and remembers the outcome. Number 0 means the newest one that is in
// force or awaits approval.
func (r *Registry) Preflight(ctx context.Context, id string, number int64, by By) (*configv1.Preflight, error) {
	if err := by.check(id); err != nil {
		return nil, err
	}
	record, err := r.record(ctx, id)
	if err != nil {
		return nil, err
	}
	standing, err := record.pick(number, record.newest())
	if err != nil {
		return nil, err
	}
	return r.preflight(ctx, id, standing.Number)
}

func (r *Registry) preflight(ctx context.Context, id string, number int64) (*configv1.Preflight, error) {
	checks, err := r.destinations.CheckDestination(ctx, id, number)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, fault.ReasonOf(err),
			"the delivery service cannot try out the destination (%s): nothing was stored, try again", fault.ReasonOf(err))
	}
	p := &configv1.Preflight{ExportId: id, Revision: number, Checks: checks, Passed: len(checks) > 0, CheckTime: timestamppb.New(r.now())}
	for _, c := range checks {
		if o := c.GetOutcome(); o != commonv1.CheckOutcome_CHECK_OUTCOME_PASSED && o != commonv1.CheckOutcome_CHECK_OUTCOME_SKIPPED {
			p.Passed = false
		}
	}
	return p, r.store.SavePreflight(ctx, p)
}
