package export

import (
	"context"

	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/audit"
	"github.com/customer-exports/exports/services/config/internal/diff"
	"github.com/customer-exports/exports/services/config/internal/rules"
)

// Export returns an export with its revision in force and the one that awaits approval.
func (r *Registry) Export(ctx context.Context, id string) (*configv1.Export, error) {
	record, err := r.record(ctx, id)
	if err != nil {
		return nil, err
	}
	return r.view(ctx, record)
}

func (r *Registry) record(ctx context.Context, id string) (*Record, error) {
	if !rules.IsID(id) {
		return nil, fault.New(fault.NotFound, fault.ReasonNotFound, "there is no export %q", id)
	}
	record, err := r.store.Record(ctx, id)
	if err != nil {
		return nil, err
	}
	audit.Event(ctx).CustomerId = record.CustomerID
	return record, nil
}

func (r *Registry) view(ctx context.Context, record *Record) (_ *configv1.Export, err error) {
	e := record.bare()
	if e.Revision, err = r.current(ctx, record); err != nil {
		return nil, err
	}
	if pending := record.pending(); pending != nil {
		e.PendingRevision, err = r.read(ctx, record, pending)
	}
	return e, err
}

// current is the revision in force; nil while none is.
func (r *Registry) current(ctx context.Context, record *Record) (*configv1.Revision, error) {
	s := record.inForce()
	if s == nil {
		return nil, nil
	}
	return r.read(ctx, record, s)
}

func (r *Registry) read(ctx context.Context, record *Record, s *Standing) (*configv1.Revision, error) {
	revision, err := r.store.Revision(ctx, record.ExportID, s.Pin)
	if err != nil {
		return nil, err
	}
	return s.describe(revision), nil
}

// Revision returns a revision with the customer it is for. One that never was in force is State NOT_APPROVED, unless
// unapproved ones are asked for: no service may deliver by one.
func (r *Registry) Revision(ctx context.Context, id string, number int64, unapproved bool) (*configv1.Revision, *configv1.Customer, error) {
	record, err := r.record(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	s, err := record.pick(number, nil)
	if err != nil {
		return nil, nil, err
	}
	if s.EffectiveTime.IsZero() && !unapproved {
		return nil, nil, fault.New(fault.State, fault.ReasonNotApproved, "revision %d of export %s is %s and never was in force",
			number, id, words([]configv1.RevisionState{s.State}, "REVISION_STATE_"))
	}
	return r.withCustomer(ctx, record, s)
}

// Agreed returns a revision, approved or not, with the customer it is for; 0 means the one in force.
func (r *Registry) Agreed(ctx context.Context, id string, number int64) (*configv1.Revision, *configv1.Customer, error) {
	record, err := r.record(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	s, err := record.pick(number, record.inForce())
	if err != nil {
		return nil, nil, err
	}
	return r.withCustomer(ctx, record, s)
}

func (r *Registry) withCustomer(ctx context.Context, record *Record, s *Standing) (*configv1.Revision, *configv1.Customer, error) {
	revision, err := r.read(ctx, record, s)
	if err != nil {
		return nil, nil, err
	}
	customer, err := r.store.Customer(ctx, record.CustomerID)
	return revision, customer, err
}

// pick finds a revision by its number; 0 means the standard one.
func (r *Record) pick(number int64, standard *Standing) (*Standing, error) {
	s := standard
	if number != 0 || standard == nil {
		s = r.find(number)
	}
	if s == nil {
		return nil, noRevision(r.ExportID, number)
	}
	return s, nil
}

func noRevision(id string, number int64) error {
	if number == 0 {
		return fault.New(fault.NotFound, fault.ReasonNotFound, "export %s has no such revision now: name its number, ListRevisions shows them", id)
	}
	return fault.New(fault.NotFound, fault.ReasonNotFound, "export %s has no revision %d", id, number)
}

// Diff says how revision to differs from revision from; 0 means the one in force, and the pending one.
func (r *Registry) Diff(ctx context.Context, id string, from, to int64) (older, newer *configv1.Revision, changes []*configv1.FieldChange, err error) {
	record, err := r.record(ctx, id)
	if err != nil {
		return nil, nil, nil, err
	}
	sides := make([]*configv1.Revision, 2)
	for i, side := range []struct {
		number   int64
		standard *Standing
	}{{from, record.inForce()}, {to, record.pending()}} {
		s, err := record.pick(side.number, side.standard)
		if err != nil {
			return nil, nil, nil, err
		}
		if sides[i], err = r.read(ctx, record, s); err != nil {
			return nil, nil, nil, err
		}
	}
	return sides[0], sides[1], diff.Of("spec", sides[0].GetSpec(), sides[1].GetSpec()), nil
}

// AllRevisions lists every revision that exists, for the audit to find an event of each.
func (r *Registry) AllRevisions(ctx context.Context) ([]audit.Revision, error) {
	records, err := r.store.Records(ctx)
	if err != nil {
		return nil, err
	}
	var all []audit.Revision
	for _, record := range records {
		for _, s := range record.Revisions {
			all = append(all, audit.Revision{ExportID: record.ExportID, Number: s.Number, CreateTime: s.CreateTime})
		}
	}
	return all, nil
}

// note tells the audit which revision a request made or judged. A nil before or after means that there was none.
func note(ctx context.Context, record *Record, before, after *configv1.Revision) {
	e := audit.Event(ctx)
	digest := func(revision *configv1.Revision) string {
		if s := record.find(revision.GetRevision()); s != nil {
			return s.SHA256
		}
		return ""
	}
	e.BeforeSha256, e.AfterSha256 = digest(before), digest(after)
	e.Revision, e.Changes = after.GetRevision(), after.GetChanges()
	if after == nil {
		e.Revision = before.GetRevision()
	}
}
