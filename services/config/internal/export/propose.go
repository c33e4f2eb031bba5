package export

import (
	"context"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/scope"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/approval"
	"github.com/customer-exports/exports/services/config/internal/audit"
	"github.com/customer-exports/exports/services/config/internal/diff"
	"github.com/customer-exports/exports/services/config/internal/patch"
	"github.com/customer-exports/exports/services/config/internal/rules"
)

// By says who asks for something, and why.
type By struct{ Author, Reason string }

// Draft is a revision that somebody asks for. CustomerID is read by CreateExport only: an export keeps its customer.
type Draft struct {
	ExportID, CustomerID string
	Spec                 *configv1.ExportSpec
	By
	// Mask names the fields to take from Spec, the others staying as they are; nil takes the whole Spec.
	Mask *fieldmaskpb.FieldMask
}

// CreateExport checks the draft and stores it as the first revision of a new export, which awaits approval.
func (r *Registry) CreateExport(ctx context.Context, d Draft) (e *configv1.Export, err error) {
	defer r.again(ctx, d.ExportID, &e, &err)
	now := r.now()
	record := &Record{ExportID: d.ExportID, CustomerID: d.CustomerID, CreateTime: now, UpdateTime: now}
	return r.propose(ctx, record, proposal{spec: d.Spec, by: d.By})
}

// UpdateExport checks the draft and stores it as the newest revision, unless the export changed since etag was read. It
// starts from the pending revision, which it supersedes, or else from the one in force.
func (r *Registry) UpdateExport(ctx context.Context, d Draft, etag string) (e *configv1.Export, err error) {
	defer r.again(ctx, d.ExportID, &e, &err)
	record, err := r.fresh(ctx, d.ExportID, etag, d.By)
	if err != nil {
		return nil, err
	}
	base, err := r.read(ctx, record, record.newest())
	if err != nil {
		return nil, err
	}
	spec, err := merge(base.GetSpec(), d)
	if err != nil {
		return nil, err
	}
	p := proposal{spec: spec, by: d.By}
	if live(*record.newest()) {
		p.base = base.GetSpec()
	}
	return r.propose(ctx, record, p)
}

// merge lays the masked fields of the draft over base.
func merge(base *configv1.ExportSpec, d Draft) (*configv1.ExportSpec, error) {
	if d.Mask == nil {
		return d.Spec, nil
	}
	return patch.Apply(base, d.Spec, d.Mask)
}

// fresh returns a record that has not changed since etag was read, and that has not ended. Who asks is judged first: what
// is wrong with a request must not depend on the state of things.
func (r *Registry) fresh(ctx context.Context, id, etag string, by By) (*Record, error) {
	if err := by.check(id); err != nil {
		return nil, err
	}
	record, err := r.record(ctx, id)
	if err != nil {
		return nil, err
	}
	if record.Etag != etag {
		return nil, fault.New(fault.State, fault.ReasonStaleEtag,
			"export %s changed since etag %q was read: get it, look at the change, send the new etag", id, etag)
	}
	if record.state() == configv1.ExportState_EXPORT_STATE_ARCHIVED {
		return nil, fault.New(fault.State, fault.ReasonArchived, "export %s is archived for good: create a new one", id)
	}
	return record, nil
}

// proposal is a whole specification that somebody asks for.
type proposal struct {
	spec *configv1.ExportSpec
	by   By
	base *configv1.ExportSpec // what holds or awaits approval already; nil when nothing does
	ends bool                 // this is ArchiveExport's, which alone may archive
}

// plan is a proposal that was found good.
type plan struct {
	current  *configv1.Revision // in force now; nil while none is
	revision *configv1.Revision // to be stored; nil when it would change nothing
	spec     *configv1.ExportSpec
}

func (r *Registry) propose(ctx context.Context, record *Record, p proposal) (*configv1.Export, error) {
	good, err := r.plan(ctx, record, p)
	if err != nil {
		return nil, err
	}
	return r.carryOut(ctx, record, good)
}

// plan checks everything and stores nothing.
func (r *Registry) plan(ctx context.Context, record *Record, p proposal) (plan, error) {
	current, err := r.current(ctx, record)
	if err != nil {
		return plan{}, err
	}
	if p.spec, err = r.check(ctx, record, p, current.GetSpec()); err != nil {
		return plan{}, err
	}
	good := plan{current: current, spec: p.spec}
	if p.base == nil || !proto.Equal(p.base, p.spec) {
		good.revision, err = r.draw(p, current)
	}
	return good, err
}

// carryOut stores. The bucket is bound before the export names it, so that no two customers can share one. A plan that
// changes nothing is answered with the export as it is.
func (r *Registry) carryOut(ctx context.Context, record *Record, good plan) (*configv1.Export, error) {
	if good.revision == nil {
		return r.view(ctx, record)
	}
	if err := r.checkFree(ctx, record); err != nil {
		return nil, err
	}
	if err := r.bind(ctx, record, good.spec.GetDestination().GetBucket()); err != nil {
		return nil, err
	}
	pin, err := r.store.Stage(ctx, record.ExportID, good.revision, record.next())
	if err != nil {
		return nil, err
	}
	record.add(Standing{
		Pin: pin, Author: good.revision.GetAuthor(), CreateTime: good.revision.GetCreateTime().AsTime(), RequestID: audit.Event(ctx).GetRequestId(),
		Timing: timing(good.spec), Owed: !good.spec.GetPaused() && !good.spec.GetArchived(), Archived: good.spec.GetArchived(),
	})
	if len(good.revision.GetApprovalCauses()) == 0 {
		record.enforce(r.now())
	}
	return r.save(ctx, record, good.current, good.revision)
}

// checkFree spares a taken id a revision in vain; Save decides.
func (r *Registry) checkFree(ctx context.Context, record *Record) error {
	if record.Etag != "" {
		return nil
	}
	switch _, err := r.store.Record(ctx, record.ExportID); fault.KindOf(err) {
	case fault.NotFound:
		return nil
	case "":
		return fault.New(fault.Exists, fault.ReasonAlreadyExists, "export %s exists already", record.ExportID)
	default:
		return err
	}
}

// draw writes the revision down, with what it changes of the one in force (nil: none is).
func (r *Registry) draw(p proposal, current *configv1.Revision) (*configv1.Revision, error) {
	set, err := scope.FromProto(p.spec.GetScope())
	if err != nil {
		return nil, err
	}
	return &configv1.Revision{
		Spec: p.spec, ScopeDigest: set.Digest(), Author: p.by.Author, Reason: p.by.Reason, CreateTime: timestamppb.New(r.now()),
		ApprovalCauses: approval.Causes(current.GetSpec(), p.spec), BaseRevision: current.GetRevision(),
		Changes: diff.Of("spec", orNil(current.GetSpec()), p.spec),
	}, nil
}

// orNil keeps a nil pointer from becoming an interface that is not nil.
func orNil(spec *configv1.ExportSpec) proto.Message {
	if spec == nil {
		return nil
	}
	return spec
}

func (r *Registry) bind(ctx context.Context, record *Record, bucket string) error {
	bound, err := r.store.Bind(ctx, bucket, Binding{CustomerID: record.CustomerID, ExportID: record.ExportID})
	if err != nil {
		return err
	}
	f := &rules.Faults{}
	taken(f, bound, record.CustomerID)
	return f.Err(record.ExportID)
}

// taken names the export only: who else is a customer is nobody's business.
func taken(f *rules.Faults, b Binding, customerID string) {
	if b != (Binding{}) && b.CustomerID != customerID {
		f.Add(fault.ReasonBucketTaken, "spec.destination.bucket", "is bound to another customer by export %s", b.ExportID)
	}
}

// save stores the record, and tells the audit what happened to which revision.
func (r *Registry) save(ctx context.Context, record *Record, before, after *configv1.Revision) (*configv1.Export, error) {
	record.UpdateTime = r.now()
	if err := r.store.Save(ctx, record); err != nil {
		return nil, err
	}
	note(ctx, record, before, after)
	return r.view(ctx, record)
}

func words[T interface{ String() string }](all []T, prefix string) string {
	parts := make([]string, len(all))
	for i, one := range all {
		parts[i] = strings.ToLower(strings.TrimPrefix(one.String(), prefix))
	}
	return strings.Join(parts, ", ")
}
