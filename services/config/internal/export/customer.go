package export

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

// CreateCustomer stores a new customer.
func (r *Registry) CreateCustomer(ctx context.Context, id, displayName string) (*configv1.Customer, error) {
	f := &faults{}
	f.text("customer_id", idFault(id))
	f.text("display_name", nameFault(displayName))
	if err := f.err(id); err != nil {
		return nil, err
	}
	c := &configv1.Customer{CustomerId: id, DisplayName: displayName, CreateTime: timestamppb.New(r.now())}
	if err := r.store.AddCustomer(ctx, c); err != nil {
		return nil, err
	}
	return c, nil
}

// Customer returns one customer.
func (r *Registry) Customer(ctx context.Context, id string) (*configv1.Customer, error) {
	if !isID(id) {
		return nil, fault.New(fault.NotFound, fault.ReasonNotFound, "there is no customer %q", id)
	}
	return r.store.Customer(ctx, id)
}
