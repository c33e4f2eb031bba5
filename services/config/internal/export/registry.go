// Package export owns the decisions about customers and exports: what an operator may agree on, and how a revision comes
// into force. It refuses a specification with every fault named at once, and anything that it cannot check; it knows
// neither gRPC nor NATS. Its records are the contract's own messages. Start at Registry.CreateExport, then check.go.
package export

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/scope"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

// Customers keeps customers. A missing one is a fault of kind NotFound.
type Customers interface {
	// AddCustomer sets the etag of c; a taken id is a fault of kind Exists.
	AddCustomer(ctx context.Context, c *configv1.Customer) error
	Customer(ctx context.Context, id string) (*configv1.Customer, error)
	// CustomerIDs returns all ids in order.
	CustomerIDs(ctx context.Context) ([]string, error)
}

// Exports reads exports with their revision in force. A missing one is a fault of kind NotFound.
type Exports interface {
	Export(ctx context.Context, id string) (*configv1.Export, error)
	// ExportIDs returns all ids in order.
	ExportIDs(ctx context.Context) ([]string, error)
	// Revision returns a revision that is or was in force, and the customer it is for.
	Revision(ctx context.Context, exportID string, number int64) (*configv1.Revision, string, error)
}

// Writer brings revisions into force. It numbers the revision and sets the etag of e, in place.
type Writer interface {
	// AddExport stores a new export; a taken id is a fault of kind Exists.
	AddExport(ctx context.Context, e *configv1.Export) error
	// ReplaceExport stores e only when the stored etag is still e's; otherwise a fault with reason STALE_ETAG.
	ReplaceExport(ctx context.Context, e *configv1.Export) error
}

// Binding says which customer a bucket belongs to, and which export said so first.
type Binding struct {
	CustomerID string `json:"customer_id"`
	ExportID   string `json:"export_id"`
}

// Buckets binds each bucket to one customer, for good.
type Buckets interface {
	// Binding returns the zero Binding for a bucket that is free.
	Binding(ctx context.Context, bucket string) (Binding, error)
	// Bind returns the binding in force afterwards: b, or an older one.
	Bind(ctx context.Context, bucket string, b Binding) (Binding, error)
}

// Store is everything the registry needs kept.
type Store interface {
	Customers
	Exports
	Writer
	Buckets
}

// Registry is the one judge of what becomes a revision. It is safe for concurrent use, also by several processes.
type Registry struct {
	store      Store
	dictionary *dictionary.Dictionary
	now        func() time.Time
}

// New judges by the Data Dictionary d.
func New(store Store, d *dictionary.Dictionary, now func() time.Time) *Registry {
	return &Registry{store: store, dictionary: d, now: now}
}

// Draft is a revision that somebody asks for. CustomerID is read by CreateExport only: an export keeps its customer.
type Draft struct {
	ExportID, CustomerID string
	Spec                 *configv1.ExportSpec
	Author, Reason       string
}

// CreateExport checks the draft and stores it as the first revision of a new export.
func (r *Registry) CreateExport(ctx context.Context, d Draft) (*configv1.Export, error) {
	e := &configv1.Export{ExportId: d.ExportID, CustomerId: d.CustomerID, CreateTime: timestamppb.New(r.now())}
	return r.put(ctx, e, d, r.store.AddExport)
}

// UpdateExport checks the draft and stores it as the newest revision, unless the export changed since etag was read.
func (r *Registry) UpdateExport(ctx context.Context, d Draft, etag string) (*configv1.Export, error) {
	stored, err := r.Export(ctx, d.ExportID)
	if err != nil {
		return nil, err
	}
	if stored.GetEtag() != etag {
		return nil, fault.New(fault.State, fault.ReasonStaleEtag,
			"export %s changed since etag %q was read: get it, look at the change, send the new etag", d.ExportID, etag)
	}
	d.CustomerID = stored.GetCustomerId()
	return r.put(ctx, stored, d, r.store.ReplaceExport)
}

// put checks and stores. The bucket is bound before the export names it, so that no two customers can share one.
func (r *Registry) put(ctx context.Context, e *configv1.Export, d Draft, store func(context.Context, *configv1.Export) error) (*configv1.Export, error) {
	d.Spec = withDefaults(d.Spec)
	if err := r.check(ctx, d); err != nil {
		return nil, err
	}
	revision, err := r.revision(d)
	if err != nil {
		return nil, err
	}
	if err := r.bind(ctx, d); err != nil {
		return nil, err
	}
	e.Revision, e.UpdateTime = revision, revision.GetCreateTime()
	if err := store(ctx, e); err != nil {
		return nil, err
	}
	return e, nil
}

func (r *Registry) revision(d Draft) (*configv1.Revision, error) {
	set, err := scope.FromProto(d.Spec.GetScope())
	if err != nil {
		return nil, err
	}
	return &configv1.Revision{
		Spec: d.Spec, ScopeDigest: set.Digest(), Author: d.Author, Reason: d.Reason, CreateTime: timestamppb.New(r.now()),
	}, nil
}

func (r *Registry) bind(ctx context.Context, d Draft) error {
	bucket := d.Spec.GetDestination().GetBucket()
	bound, err := r.store.Bind(ctx, bucket, Binding{CustomerID: d.CustomerID, ExportID: d.ExportID})
	if err != nil {
		return err
	}
	if bound.CustomerID != d.CustomerID {
		f := &faults{}
		f.taken(bound)
		return f.err(d.ExportID)
	}
	return nil
}

// Revision returns a revision that is or was in force, with the customer it is for.
func (r *Registry) Revision(ctx context.Context, exportID string, number int64) (*configv1.Revision, *configv1.Customer, error) {
	if !isID(exportID) {
		return nil, nil, noExport(exportID)
	}
	revision, customerID, err := r.store.Revision(ctx, exportID, number)
	if err != nil {
		return nil, nil, err
	}
	customer, err := r.store.Customer(ctx, customerID)
	return revision, customer, err
}

// Export returns an export with its revision in force.
func (r *Registry) Export(ctx context.Context, id string) (*configv1.Export, error) {
	if !isID(id) {
		return nil, noExport(id)
	}
	return r.store.Export(ctx, id)
}

func noExport(id string) error {
	return fault.New(fault.NotFound, fault.ReasonNotFound, "there is no export %q", id)
}

// withDefaults returns a copy of spec in which everything unset that has a default says it.
func withDefaults(spec *configv1.ExportSpec) *configv1.ExportSpec {
	full := &configv1.ExportSpec{}
	if spec != nil {
		full = proto.CloneOf(spec)
	}
	setDefaults(full)
	return full
}
