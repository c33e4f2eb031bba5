// Package export owns the decisions about customers and exports: what becomes a revision, which revisions two people must
// agree on, and how one comes into force. It refuses whatever it cannot check; it knows neither gRPC nor NATS. Its records
// are the contract's own messages. What may be written is judged by package rules.
//
//	create, update,        needs a second person            approve
//	pause, resume  ──────► PENDING ──────────────────────► IN_FORCE ──────────► REPLACED
//	       │                  │ reject          └─ newer ─► SUPERSEDED   newer
//	       │                  └──────► REJECTED
//	       └─ takes effect at once ─────────────────────► IN_FORCE
//
// Start at Registry.CreateExport, then propose.go and approve.go.
package export

import (
	"context"
	"time"

	"github.com/customer-exports/exports/pkg/dictionary"
	commonv1 "github.com/customer-exports/exports/proto/exports/common/v1"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/owners"
)

// Customers keeps customers.
type Customers interface {
	// SaveCustomer stores c and sets its etag: a new one when the etag is empty (Exists when the id is taken), else only
	// when the stored etag is still c's (State STALE_ETAG).
	SaveCustomer(ctx context.Context, c *configv1.Customer) error
	// Customer returns a customer; NotFound without one.
	Customer(ctx context.Context, id string) (*configv1.Customer, error)
	// Customers returns all of them in id order.
	Customers(ctx context.Context) ([]*configv1.Customer, error)
}

// Records keeps exports.
type Records interface {
	// Save stores r and sets its etag: a new one when the etag is empty (Exists when the id is taken), else only when the
	// stored etag is still r's (State STALE_ETAG).
	Save(ctx context.Context, r *Record) error
	// Record returns an export; NotFound without one.
	Record(ctx context.Context, id string) (*Record, error)
	// Records returns all of them in id order.
	Records(ctx context.Context) ([]*Record, error)
}

// Revisions keeps what never changes.
type Revisions interface {
	// Stage stores a revision under the first free number from `from` on, and sets that number. Nothing refers to it
	// before its pin is saved in a Record.
	Stage(ctx context.Context, exportID string, r *configv1.Revision, from int64) (Pin, error)
	// Revision returns what the pin was taken of; DataLoss when it is not that any more.
	Revision(ctx context.Context, exportID string, p Pin) (*configv1.Revision, error)
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

// Preflights keeps the last outcome of trying out a revision's destination.
type Preflights interface {
	SavePreflight(ctx context.Context, p *configv1.Preflight) error
	// Preflight returns NotFound for a revision that was never tried out.
	Preflight(ctx context.Context, exportID string, revision int64) (*configv1.Preflight, error)
}

// Store is everything the registry needs kept.
type Store interface {
	Customers
	Records
	Revisions
	Buckets
	Preflights
}

// Misfit names what of a scope the source does not have as written, in the order of the question.
type Misfit struct {
	// Brands no location has; Locations do not exist; Foreign ones exist under a brand that was not named.
	Brands, Locations, Foreign []string
}

// Source knows what the ANALYTICS schema holds. Its errors are Unavailable.
type Source interface {
	CheckScope(ctx context.Context, brands, locations []string) (Misfit, error)
}

// Destinations tries out the bucket of a revision. Its errors are Unavailable; a check that fails is none.
type Destinations interface {
	CheckDestination(ctx context.Context, exportID string, revision int64) ([]*commonv1.Check, error)
}

// Deps is what a registry stands on.
type Deps struct {
	Store        Store
	Dictionary   *dictionary.Dictionary
	Source       Source
	Destinations Destinations
	Now          func() time.Time
}

// Registry is the one judge of what becomes a revision. It is safe for concurrent use, also by several processes.
type Registry struct {
	store        Store
	dictionary   *dictionary.Dictionary
	source       Source
	destinations Destinations
	now          func() time.Time
	owners       owners.Index
}

// New returns a registry.
func New(d Deps) *Registry {
	return &Registry{store: d.Store, dictionary: d.Dictionary, source: d.Source, destinations: d.Destinations, now: d.Now}
}
