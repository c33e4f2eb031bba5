package export

import (
	"context"
	"crypto/rand"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/audit"
	"github.com/customer-exports/exports/services/config/internal/diff"
	"github.com/customer-exports/exports/services/config/internal/patch"
	"github.com/customer-exports/exports/services/config/internal/rules"
)

// CreateCustomer stores a new customer with the id, name and contacts of c, and an external id of its own.
func (r *Registry) CreateCustomer(ctx context.Context, c *configv1.Customer, by By) (*configv1.Customer, error) {
	now := timestamppb.New(r.now())
	next := &configv1.Customer{
		CustomerId: c.GetCustomerId(), DisplayName: c.GetDisplayName(), Contacts: c.GetContacts(),
		State: configv1.CustomerState_CUSTOMER_STATE_ACTIVE, ExternalId: rand.Text() + rand.Text()[:6], CreateTime: now, UpdateTime: now,
	}
	return r.saveCustomer(ctx, nil, next, by)
}

// UpdateCustomer takes name and contacts from c, or those that the mask names, unless the customer changed since c's etag
// was read.
func (r *Registry) UpdateCustomer(ctx context.Context, c *configv1.Customer, mask *fieldmaskpb.FieldMask, by By) (*configv1.Customer, error) {
	before, err := r.freshCustomer(ctx, c.GetCustomerId(), c.GetEtag(), by)
	if err != nil {
		return nil, err
	}
	if mask == nil {
		mask = &fieldmaskpb.FieldMask{Paths: []string{"display_name", "contacts"}}
	}
	f := &rules.Faults{}
	for _, path := range mask.GetPaths() {
		if path != "display_name" && path != "contacts" {
			f.Text("update_mask", "names more than display_name and contacts, which alone can change")
			return nil, f.Err(c.GetCustomerId())
		}
	}
	next, err := patch.Apply(before, c, mask)
	if err != nil {
		return nil, err
	}
	return r.saveCustomer(ctx, before, next, by)
}

// ArchiveCustomer ends a customer whose exports have all ended.
func (r *Registry) ArchiveCustomer(ctx context.Context, id, etag string, by By) (*configv1.Customer, error) {
	before, err := r.freshCustomer(ctx, id, etag, by)
	if err != nil {
		return nil, err
	}
	records, err := r.store.Records(ctx)
	if err != nil {
		return nil, err
	}
	for _, record := range records {
		if record.CustomerID == id && record.state() != configv1.ExportState_EXPORT_STATE_ARCHIVED {
			return nil, fault.New(fault.State, fault.ReasonNotArchived, "export %s of customer %s is not archived: archive it first", record.ExportID, id)
		}
	}
	next := proto.CloneOf(before)
	next.State = configv1.CustomerState_CUSTOMER_STATE_ARCHIVED
	return r.saveCustomer(ctx, before, next, by)
}

func (r *Registry) freshCustomer(ctx context.Context, id, etag string, by By) (*configv1.Customer, error) {
	if err := by.check(id); err != nil {
		return nil, err
	}
	c, err := r.Customer(ctx, id)
	switch {
	case err != nil:
		return nil, err
	case c.GetEtag() != etag:
		return nil, fault.New(fault.State, fault.ReasonStaleEtag, "customer %s changed since etag %q was read: get it, look at the change, send the new etag", id, etag)
	case c.GetState() == configv1.CustomerState_CUSTOMER_STATE_ARCHIVED:
		return nil, fault.New(fault.State, fault.ReasonArchived, "customer %s is archived for good", id)
	default:
		return c, nil
	}
}

func (r *Registry) saveCustomer(ctx context.Context, before, next *configv1.Customer, by By) (*configv1.Customer, error) {
	f := &rules.Faults{}
	f.Text("customer_id", rules.IDFault(next.GetCustomerId()))
	rules.Customer(f, next.GetDisplayName(), next.GetContacts())
	checkBy(f, by)
	if err := f.Err(next.GetCustomerId()); err != nil {
		return nil, err
	}
	var old proto.Message
	if before != nil {
		old = before
		if proto.Equal(before, next) {
			return before, nil
		}
		next.UpdateTime = timestamppb.New(r.now())
	}
	changes := diff.Of("customer", old, next)
	if err := r.store.SaveCustomer(ctx, next); err != nil {
		return nil, err
	}
	audit.Event(ctx).Changes = changes
	return next, nil
}

// Customer returns one customer; NotFound without one.
func (r *Registry) Customer(ctx context.Context, id string) (*configv1.Customer, error) {
	if !rules.IsID(id) {
		return nil, fault.New(fault.NotFound, fault.ReasonNotFound, "there is no customer %q", id)
	}
	return r.store.Customer(ctx, id)
}
