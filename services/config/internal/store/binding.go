package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/config/internal/export"
)

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
	if bound, err := s.Binding(ctx, bucket); err != nil || bound != (export.Binding{}) {
		return bound, err // nothing to write; Create below decides over a free one
	}
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
