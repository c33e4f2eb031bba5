package store

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// callTime bounds a call to NATS, and listTime reading a whole list: a request that a restarting server lost is never
// answered, and an operator who waits learns nothing.
const (
	callTime = 5 * time.Second
	listTime = 15 * time.Second
)

// patient bounds the calls that this package makes; a watch is bounded by whoever reads it.
type patient struct{ jetstream.KeyValue }

// Get is part of jetstream.KeyValue.
func (p patient) Get(ctx context.Context, key string) (jetstream.KeyValueEntry, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	return p.KeyValue.Get(ctx, key)
}

// Put is part of jetstream.KeyValue.
func (p patient) Put(ctx context.Context, key string, value []byte) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	return p.KeyValue.Put(ctx, key, value)
}

// Create is part of jetstream.KeyValue.
func (p patient) Create(ctx context.Context, key string, value []byte, opts ...jetstream.KVCreateOpt) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	return p.KeyValue.Create(ctx, key, value, opts...)
}

// Update is part of jetstream.KeyValue.
func (p patient) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	return p.KeyValue.Update(ctx, key, value, revision)
}

// Delete is part of jetstream.KeyValue.
func (p patient) Delete(ctx context.Context, key string, opts ...jetstream.KVDeleteOpt) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	return p.KeyValue.Delete(ctx, key, opts...)
}
