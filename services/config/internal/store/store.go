// Package store keeps customers and exports in the JetStream bucket CONFIG, of which this service is the only writer.
// Every change is one compare-and-set; etags are revisions of the bucket. It refuses to judge what it stores.
//
// Keys: customer.<id>, export.<id>, bucket.<name>, revision.<export_id>.<n> and, for the rest of a revision that does not
// fit one message, revision.<export_id>.<n>.<piece>. A revision is in force only once the export's record lists it, so
// whatever a crash leaves behind is never read. Start at Store.AddExport.
package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

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
type Store struct{ kv jetstream.KeyValue }

// New keeps records in kv, the bucket called Bucket.
func New(kv jetstream.KeyValue) *Store { return &Store{kv: kv} }

// AddCustomer stores a new customer as JSON, so that an operator can read it with the nats command.
func (s *Store) AddCustomer(ctx context.Context, c *configv1.Customer) error {
	data, err := protojson.Marshal(c)
	if err != nil {
		return fmt.Errorf("encoding customer %s: %w", c.GetCustomerId(), err)
	}
	revision, err := s.kv.Create(ctx, "customer."+c.GetCustomerId(), data)
	if errors.Is(err, jetstream.ErrKeyExists) {
		return fault.New(fault.Exists, fault.ReasonAlreadyExists, "customer %q exists already", c.GetCustomerId())
	}
	if err != nil {
		return away(err, "storing customer %s", c.GetCustomerId())
	}
	c.Etag = etag(revision)
	return nil
}

// Customer reads one customer.
func (s *Store) Customer(ctx context.Context, id string) (*configv1.Customer, error) {
	entry, err := s.kv.Get(ctx, "customer."+id)
	if missing(err) {
		return nil, fault.New(fault.NotFound, fault.ReasonNotFound, "there is no customer %q", id)
	}
	if err != nil {
		return nil, away(err, "reading customer %s", id)
	}
	c := &configv1.Customer{}
	if err := protojson.Unmarshal(entry.Value(), c); err != nil {
		return nil, fmt.Errorf("decoding customer %s: %w", id, err)
	}
	c.Etag = etag(entry.Revision())
	return c, nil
}

// CustomerIDs lists all customers in id order.
func (s *Store) CustomerIDs(ctx context.Context) ([]string, error) { return s.ids(ctx, "customer.") }

// ExportIDs lists all exports in id order.
func (s *Store) ExportIDs(ctx context.Context) ([]string, error) { return s.ids(ctx, "export.") }

func (s *Store) ids(ctx context.Context, prefix string) ([]string, error) {
	watcher, err := s.kv.Watch(ctx, prefix+"*", jetstream.IgnoreDeletes(), jetstream.MetaOnly())
	if err != nil {
		return nil, away(err, "listing the keys %s*", prefix)
	}
	defer func() { _ = watcher.Stop() }()
	var ids []string
	for {
		entry, err := next(ctx, watcher)
		if err != nil {
			return nil, away(err, "listing the keys %s*", prefix)
		}
		if entry == nil {
			slices.Sort(ids)
			return slices.Compact(ids), nil
		}
		ids = append(ids, strings.TrimPrefix(entry.Key(), prefix))
	}
}

// next returns nil once every key was seen. The client's own lister ends alike when it is cut short; a list of exports
// that is short without an error would let the monitor forget what is owed.
func next(ctx context.Context, w jetstream.KeyWatcher) (jetstream.KeyValueEntry, error) {
	select {
	case entry, open := <-w.Updates():
		if !open {
			return nil, errors.New("the watch ended early")
		}
		return entry, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Binding says whose bucket this is; the zero Binding means nobody's.
func (s *Store) Binding(ctx context.Context, bucket string) (export.Binding, error) {
	var b export.Binding
	entry, err := s.kv.Get(ctx, "bucket."+bucket)
	if missing(err) {
		return b, nil
	}
	if err != nil {
		return b, away(err, "reading the binding of bucket %s", bucket)
	}
	if err := json.Unmarshal(entry.Value(), &b); err != nil {
		return b, fmt.Errorf("decoding the binding of bucket %s: %w", bucket, err)
	}
	return b, nil
}

// Bind claims a free bucket; the first claim stays.
func (s *Store) Bind(ctx context.Context, bucket string, b export.Binding) (export.Binding, error) {
	data, err := json.Marshal(b)
	if err != nil {
		return export.Binding{}, fmt.Errorf("encoding the binding of bucket %s: %w", bucket, err)
	}
	_, err = s.kv.Create(ctx, "bucket."+bucket, data)
	if err == nil {
		return b, nil
	}
	if !errors.Is(err, jetstream.ErrKeyExists) {
		return export.Binding{}, away(err, "binding bucket %s", bucket)
	}
	bound, err := s.Binding(ctx, bucket)
	if err == nil && bound == (export.Binding{}) {
		err = fault.New(fault.Unavailable, fault.ReasonUnavailable, "the binding of bucket %s is not readable yet: try again", bucket)
	}
	return bound, err
}

func marshal(r *configv1.Revision) ([]byte, error) {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encoding a revision: %w", err)
	}
	return data, nil
}

func etag(revision uint64) string { return strconv.FormatUint(revision, 10) }

// missing also holds for a key that cannot exist.
func missing(err error) bool {
	return errors.Is(err, jetstream.ErrKeyNotFound) || errors.Is(err, jetstream.ErrKeyDeleted) || errors.Is(err, jetstream.ErrInvalidKey)
}

func away(err error, format string, args ...any) error {
	return fault.Wrap(err, fault.Unavailable, fault.ReasonUnavailable, format, args...)
}

// isNumber keeps etags in the one spelling that this package writes.
func isNumber(text string) bool { return regexp.MustCompile(`^[1-9][0-9]{0,18}$`).MatchString(text) }
