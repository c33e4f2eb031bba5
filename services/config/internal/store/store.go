// Package store keeps customers and exports in the JetStream bucket CONFIG, of which this service is the only writer.
// Every change is one compare-and-set; etags are revisions of the bucket. It refuses to judge what it stores.
//
// Keys: customer.<id>, export.<id>, bucket.<name>, preflight.<export_id>.<n>, revision.<export_id>.<n> and, for the rest of
// a revision that does not fit one message, revision.<export_id>.<n>.<piece>. A revision counts only once the export's
// record lists it, so whatever a crash leaves behind is never read. Start at Store.Save.
package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/export"
)

// Bucket is the name of the key-value bucket.
const Bucket = "CONFIG"

// Store implements export.Store.
type Store struct {
	kv   jetstream.KeyValue
	seen seen
}

// New keeps records in kv, the bucket called Bucket.
func New(kv jetstream.KeyValue) *Store { return &Store{kv: patient{kv}} }

// SaveCustomer stores a customer as JSON, so that an operator can read it with the nats command.
func (s *Store) SaveCustomer(ctx context.Context, c *configv1.Customer) error {
	bare := proto.CloneOf(c)
	bare.Etag = ""
	data, err := protojson.Marshal(bare)
	if err != nil {
		return fmt.Errorf("encoding customer %s: %w", c.GetCustomerId(), err)
	}
	c.Etag, err = swap(ctx, s.kv, "customer "+c.GetCustomerId(), "customer."+c.GetCustomerId(), c.GetEtag(), data)
	return err
}

// Customer reads one customer.
func (s *Store) Customer(ctx context.Context, id string) (*configv1.Customer, error) {
	entry, err := s.get(ctx, "customer", id)
	if err != nil {
		return nil, err
	}
	return customerOf(entry)
}

// Customers reads all customers in id order.
func (s *Store) Customers(ctx context.Context) ([]*configv1.Customer, error) {
	return all(ctx, s.kv, "customer.", customerOf)
}

func customerOf(entry jetstream.KeyValueEntry) (*configv1.Customer, error) {
	c := &configv1.Customer{}
	if err := protojson.Unmarshal(entry.Value(), c); err != nil {
		return nil, fmt.Errorf("decoding %s: %w", entry.Key(), err)
	}
	c.Etag = etag(entry.Revision())
	return c, nil
}

// Save stores where an export's revisions stand.
func (s *Store) Save(ctx context.Context, r *export.Record) error {
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encoding export %s: %w", r.ExportID, err)
	}
	r.Etag, err = swap(ctx, s.kv, "export "+r.ExportID, "export."+r.ExportID, r.Etag, data)
	return err
}

// Record reads one export.
func (s *Store) Record(ctx context.Context, id string) (*export.Record, error) {
	entry, err := s.get(ctx, "export", id)
	if err != nil {
		return nil, err
	}
	return recordOf(entry)
}

// Records reads all exports in id order.
func (s *Store) Records(ctx context.Context) ([]*export.Record, error) {
	return all(ctx, s.kv, "export.", recordOf)
}

func recordOf(entry jetstream.KeyValueEntry) (*export.Record, error) {
	r := &export.Record{Etag: etag(entry.Revision())}
	if err := json.Unmarshal(entry.Value(), r); err != nil {
		return nil, fmt.Errorf("decoding %s: %w", entry.Key(), err)
	}
	return r, nil
}

// SavePreflight keeps the last outcome for a revision.
func (s *Store) SavePreflight(ctx context.Context, p *configv1.Preflight) error {
	data, err := protojson.Marshal(p)
	if err != nil {
		return fmt.Errorf("encoding a preflight of export %s: %w", p.GetExportId(), err)
	}
	// The last one to look is right, so that nothing is compared.
	if _, err := s.kv.Put(ctx, preflightKey(p.GetExportId(), p.GetRevision()), data); err != nil {
		return away(err, "storing a preflight of export %s", p.GetExportId())
	}
	return nil
}

// Preflight reads the last outcome for a revision.
func (s *Store) Preflight(ctx context.Context, exportID string, revision int64) (*configv1.Preflight, error) {
	entry, err := s.kv.Get(ctx, preflightKey(exportID, revision))
	if missing(err) {
		return nil, fault.New(fault.NotFound, fault.ReasonNotFound, "the destination of revision %d of export %s was never tried out", revision, exportID)
	}
	if err != nil {
		return nil, away(err, "reading a preflight of export %s", exportID)
	}
	p := &configv1.Preflight{}
	if err := protojson.Unmarshal(entry.Value(), p); err != nil {
		return nil, fmt.Errorf("decoding a preflight of export %s: %w", exportID, err)
	}
	return p, nil
}

func preflightKey(exportID string, revision int64) string {
	return "preflight." + exportID + "." + strconv.FormatInt(revision, 10)
}

// missing also holds for a key that cannot exist.
func missing(err error) bool {
	return errors.Is(err, jetstream.ErrKeyNotFound) || errors.Is(err, jetstream.ErrKeyDeleted) || errors.Is(err, jetstream.ErrInvalidKey)
}

func away(err error, format string, args ...any) error {
	return fault.Wrap(err, fault.Unavailable, fault.ReasonUnavailable, format, args...)
}
