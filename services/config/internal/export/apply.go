package export

import (
	"context"

	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/diff"
	"github.com/customer-exports/exports/services/config/internal/rules"
)

// Application is what applying a file does, or would do.
type Application struct {
	Outcome configv1.ApplyOutcome
	// Export is as it is afterwards; nil in a dry run that creates one.
	Export *configv1.Export
	// Before and After are the specifications that Changes compares; Before is nil for a new export.
	Before, After *configv1.ExportSpec
	Changes       []*configv1.FieldChange
	Causes        []configv1.ApprovalCause
}

// Apply creates the export that the draft describes whole, or brings it to say so. An empty etag takes the export as it is
// now; a dry run checks everything and stores nothing.
func (r *Registry) Apply(ctx context.Context, d Draft, etag string, dryRun bool) (*Application, error) {
	record, before, err := r.target(ctx, d, etag)
	if err != nil {
		return nil, err
	}
	good, err := r.plan(ctx, record, proposal{spec: d.Spec, by: d.By, base: before})
	if err != nil {
		return nil, err
	}
	a := &Application{
		Outcome: outcome(record, good), Before: before, After: good.spec,
		Changes: diff.Of("spec", orNil(before), good.spec), Causes: good.revision.GetApprovalCauses(),
	}
	switch {
	case !dryRun:
		a.Export, err = r.carryOut(ctx, record, good)
	case record.Etag != "":
		a.Export, err = r.view(ctx, record)
	}
	return a, err
}

// target returns the record to change, which may be new, and what it says now.
func (r *Registry) target(ctx context.Context, d Draft, etag string) (*Record, *configv1.ExportSpec, error) {
	record, err := r.record(ctx, d.ExportID)
	if fault.KindOf(err) == fault.NotFound && etag == "" {
		return &Record{ExportID: d.ExportID, CustomerID: d.CustomerID, CreateTime: r.now()}, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if record.CustomerID != d.CustomerID {
		f := &rules.Faults{}
		f.Text("customer_id", "is not the customer of export "+d.ExportID+": an export keeps its customer")
		return nil, nil, f.Err(d.ExportID)
	}
	if etag == "" {
		etag = record.Etag
	}
	if record, err = r.fresh(ctx, d.ExportID, etag, d.By); err != nil || !live(*record.newest()) {
		return record, nil, err
	}
	newest, err := r.read(ctx, record, record.newest())
	return record, newest.GetSpec(), err
}

func outcome(record *Record, good plan) configv1.ApplyOutcome {
	switch {
	case record.Etag == "":
		return configv1.ApplyOutcome_APPLY_OUTCOME_CREATED
	case good.revision == nil:
		return configv1.ApplyOutcome_APPLY_OUTCOME_UNCHANGED
	default:
		return configv1.ApplyOutcome_APPLY_OUTCOME_UPDATED
	}
}

// Newest returns the revision that the next change starts from, and the export's customer.
func (r *Registry) Newest(ctx context.Context, id string) (revision *configv1.Revision, customerID string, err error) {
	record, err := r.record(ctx, id)
	if err != nil {
		return nil, "", err
	}
	revision, err = r.read(ctx, record, record.newest())
	return revision, record.CustomerID, err
}
