package export

import (
	"context"
	"fmt"

	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/approval"
	"github.com/customer-exports/exports/services/config/internal/owners"
	"github.com/customer-exports/exports/services/config/internal/rules"
)

// check returns the specification with its defaults, or one fault with every violation. Another kind of error means that
// the proposal could not be judged. current is the one in force: what it has already is not asked of the source again.
func (r *Registry) check(ctx context.Context, record *Record, p proposal, current *configv1.ExportSpec) (*configv1.ExportSpec, error) {
	f := &rules.Faults{}
	f.Text("export_id", rules.IDFault(record.ExportID))
	checkBy(f, p.by)
	customer, err := r.checkCustomer(ctx, f, record.CustomerID)
	if err != nil {
		return nil, err
	}
	spec := rules.Complete(p.spec, customer.GetExternalId())
	if spec.GetArchived() != p.ends {
		f.Text("spec.archived", "is not set by hand: ArchiveExport ends an export")
	}
	if err := rules.Spec(f, spec, r.dictionary, customer.GetExternalId()); err != nil {
		return nil, err
	}
	if err := r.checkBinding(ctx, f, record.CustomerID, spec.GetDestination().GetBucket()); err != nil {
		return nil, err
	}
	if !p.ends && !f.Have("spec.scope") {
		err = r.checkSource(ctx, f, spec, current)
	}
	if err == nil && !p.ends && !f.Have("spec.scope.location_ids") {
		err = r.checkOwners(ctx, f, record.CustomerID, spec, current)
	}
	if err != nil {
		return nil, err
	}
	return spec, f.Err(record.ExportID)
}

func checkBy(f *rules.Faults, by By) {
	f.Text("author", rules.ActorFault(by.Author))
	f.Text("reason", rules.NoteFault(by.Reason))
}

// check judges who asks, and why, alone.
func (by By) check(what string) error {
	f := &rules.Faults{}
	checkBy(f, by)
	return f.Err(what)
}

func (r *Registry) checkCustomer(ctx context.Context, f *rules.Faults, id string) (*configv1.Customer, error) {
	if problem := rules.IDFault(id); problem != "" {
		f.Text("customer_id", problem)
		return nil, nil
	}
	c, err := r.store.Customer(ctx, id)
	if fault.KindOf(err) == fault.NotFound {
		f.Text("customer_id", fmt.Sprintf("there is no customer %q: create it first", id))
		return nil, nil
	}
	if c.GetState() == configv1.CustomerState_CUSTOMER_STATE_ARCHIVED {
		f.Text("customer_id", fmt.Sprintf("customer %q is archived for good", id))
	}
	return c, err
}

func (r *Registry) checkBinding(ctx context.Context, f *rules.Faults, customerID, bucket string) error {
	if f.Have("spec.destination.bucket") {
		return nil
	}
	bound, err := r.store.Binding(ctx, bucket)
	if err == nil {
		taken(f, bound, customerID)
	}
	return err
}

// checkSource asks for new names only: a location that the source has lost since must not keep an export from changing.
func (r *Registry) checkSource(ctx context.Context, f *rules.Faults, spec, current *configv1.ExportSpec) error {
	brands, locations := approval.Added(current, spec)
	if len(brands) == 0 && len(locations) == 0 {
		return nil
	}
	misfit, err := r.source.CheckScope(ctx, spec.GetScope().GetBrands(), spec.GetScope().GetLocationIds())
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, fault.ReasonOf(err),
			"the source cannot be asked for brands and locations (%s): nothing was stored, try again", fault.ReasonOf(err))
	}
	misfits := func(field, problem string, all, fresh, missing []string) {
		unwanted := index(missing)
		isFresh := index(fresh)
		for i, name := range all {
			if unwanted[name] && isFresh[name] {
				f.Add(fault.ReasonUnknownScope, fmt.Sprintf("spec.scope.%s[%d]", field, i), "%q %s", name, problem)
			}
		}
	}
	all := spec.GetScope()
	misfits("brands", "is no brand of any location: write it exactly as in DIM_LOCATIONS.brand", all.GetBrands(), brands, misfit.Brands)
	misfits("location_ids", "does not exist: write it exactly as in DIM_LOCATIONS.location_id", all.GetLocationIds(), locations, misfit.Locations)
	misfits("location_ids", "belongs to a brand that is not in spec.scope.brands: add the brand, or leave the location out",
		all.GetLocationIds(), locations, misfit.Foreign)
	return nil
}

// checkOwners keeps a location with one customer, unless both agreed to share it.
func (r *Registry) checkOwners(ctx context.Context, f *rules.Faults, customerID string, spec, current *configv1.ExportSpec) error {
	_, locations := approval.Added(current, spec)
	fresh := index(approval.Without(locations, spec.GetSharedLocationIds()))
	if len(fresh) == 0 {
		return nil
	}
	if err := r.syncOwners(ctx); err != nil {
		return err
	}
	for i, id := range spec.GetScope().GetLocationIds() {
		if claim, other := r.owners.Other(id, customerID); fresh[id] && other {
			f.Add(fault.ReasonLocationTaken, fmt.Sprintf("spec.scope.location_ids[%d]", i),
				"%q is in the scope of another customer, by export %s: when both agreed, list it in spec.shared_location_ids too", id, claim.ExportID)
		}
	}
	return nil
}

// syncOwners brings the index up to what is in force or awaits approval now.
func (r *Registry) syncOwners(ctx context.Context) error {
	records, err := r.store.Records(ctx)
	if err != nil {
		return err
	}
	var claims []owners.Claim
	pins := map[string]Pin{}
	for _, record := range records {
		for _, s := range record.Revisions {
			if live(s) {
				claims = append(claims, owners.Claim{CustomerID: record.CustomerID, ExportID: record.ExportID, Digest: s.SHA256})
				pins[record.ExportID+s.SHA256] = s.Pin
			}
		}
	}
	return r.owners.Sync(ctx, claims, func(ctx context.Context, c owners.Claim) ([]string, error) {
		revision, err := r.store.Revision(ctx, c.ExportID, pins[c.ExportID+c.Digest])
		return revision.GetSpec().GetScope().GetLocationIds(), err
	})
}

// live says that a revision shows data, or will once it is approved.
func live(s Standing) bool {
	return !s.Archived && (s.State == configv1.RevisionState_REVISION_STATE_IN_FORCE || s.State == configv1.RevisionState_REVISION_STATE_PENDING)
}

func index(values []string) map[string]bool {
	set := make(map[string]bool, len(values))
	for _, value := range values {
		set[value] = true
	}
	return set
}
