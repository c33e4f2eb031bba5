package export_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/customer-exports/exports/pkg/bus"
	"github.com/customer-exports/exports/pkg/bus/bustest"
	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/fault"
	commonv1 "github.com/customer-exports/exports/proto/exports/common/v1"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/export"
	"github.com/customer-exports/exports/services/config/internal/store"
)

// memSource knows a few names; away makes it unreachable.
type memSource struct {
	brandOf map[string]string // by location
	away    bool
	asked   atomic.Int64
}

func (m *memSource) CheckScope(_ context.Context, brands, locations []string) (export.Misfit, error) {
	m.asked.Add(1)
	if m.away {
		return export.Misfit{}, fault.New(fault.Unavailable, fault.ReasonSourceUnavailable, "away")
	}
	var misfit export.Misfit
	for _, brand := range brands {
		if !slices.Contains([]string{"Bella Pizza", "Nova Fitness", "Wendy's"}, brand) {
			misfit.Brands = append(misfit.Brands, brand)
		}
	}
	for _, id := range locations {
		switch brand, known := m.brandOf[id]; {
		case !known:
			misfit.Locations = append(misfit.Locations, id)
		case !slices.Contains(brands, brand):
			misfit.Foreign = append(misfit.Foreign, id)
		}
	}
	return misfit, nil
}

// memBucket answers a preflight with one check.
type memBucket struct {
	outcome commonv1.CheckOutcome
	asked   []int64
}

func (m *memBucket) CheckDestination(_ context.Context, _ string, revision int64) ([]*commonv1.Check, error) {
	m.asked = append(m.asked, revision)
	if m.outcome == commonv1.CheckOutcome_CHECK_OUTCOME_UNSPECIFIED {
		return nil, fault.New(fault.Unavailable, fault.ReasonUnavailable, "away")
	}
	return []*commonv1.Check{{Name: "write", Outcome: m.outcome, Message: "403", Fix: "grant s3:PutObject"}}, nil
}

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// rig is a registry on a NATS server of its own that knows the customers acme and bella.
type rig struct {
	*export.Registry
	source *memSource
	bucket *memBucket
	clock  *clock
}

func start(t *testing.T) *rig {
	t.Helper()
	b, err := bus.Connect(t.Context(), bus.Config{URL: bustest.Start(t)}, "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	kv, err := b.EnsureBucket(t.Context(), store.Bucket)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{
		source: &memSource{brandOf: map[string]string{}},
		bucket: &memBucket{outcome: commonv1.CheckOutcome_CHECK_OUTCOME_PASSED},
		clock:  &clock{at: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)},
	}
	for _, id := range []string{"acme-1", "acme-2", "acme-3", "bella-1", "bella-2", "bella-3"} {
		r.source.brandOf[id] = "Bella Pizza"
	}
	r.source.brandOf["gym-1"] = "Nova Fitness"
	r.Registry = export.New(export.Deps{
		Store: store.New(kv), Dictionary: dictionary.Standard(), Source: r.source, Destinations: r.bucket, Now: r.clock.now,
	})
	for _, id := range []string{"acme", "bella"} {
		if _, err := r.CreateCustomer(t.Context(), &configv1.Customer{CustomerId: id, DisplayName: "The " + id}, by("op@example.com")); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func by(author string) export.By {
	return export.By{Author: author, Reason: "the customer's \"onboarding\""}
}

func spec(customerID string) *configv1.ExportSpec {
	return &configv1.ExportSpec{
		Tables: []*configv1.TableSelection{
			{Table: "FACT_REVIEWS"},
			{Table: "DIM_EMPLOYEES", Columns: []string{"employee_id", "role"}},
		},
		Scope:    &commonv1.Scope{Brands: []string{"Bella Pizza"}, LocationIds: []string{customerID + "-1", customerID + "-2"}},
		Schedule: &configv1.Schedule{TimeOfDay: "02:00", TimeZone: "Europe/Berlin"},
		Destination: &configv1.Destination{
			Bucket: customerID + "-data", Region: "eu-central-1", ExpectedBucketOwner: "123456789012",
		},
	}
}

func cron(text string) *configv1.Schedule {
	return &configv1.Schedule{Cron: text, TimeZone: "Europe/Berlin"}
}

func draft(exportID, customerID string) export.Draft {
	return export.Draft{ExportID: exportID, CustomerID: customerID, Spec: spec(customerID), By: by("op@example.com")}
}

// active returns an export of acme whose first revision is in force.
func (r *rig) active(t *testing.T) *configv1.Export {
	t.Helper()
	if _, err := r.CreateExport(t.Context(), draft("acme-daily", "acme")); err != nil {
		t.Fatal(err)
	}
	e, err := r.Approve(t.Context(), "acme-daily", 1, by("second@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// update changes a copy of the newest specification and stores it.
func (r *rig) update(t *testing.T, change func(*configv1.ExportSpec)) (*configv1.Export, error) {
	t.Helper()
	e, err := r.Export(t.Context(), "acme-daily")
	if err != nil {
		t.Fatal(err)
	}
	d := draft("acme-daily", "acme")
	d.Spec = e.GetRevision().GetSpec()
	if e.GetPendingRevision() != nil {
		d.Spec = e.GetPendingRevision().GetSpec()
	}
	change(d.Spec)
	return r.UpdateExport(t.Context(), d, e.GetEtag())
}
