package store

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/nats-io/nats.go/jetstream"
)

// all reads every value under a prefix, in key order.
func all[T any](ctx context.Context, kv jetstream.KeyValue, prefix string, decode func(jetstream.KeyValueEntry) (T, error)) ([]T, error) {
	ctx, cancel := context.WithTimeout(ctx, listTime)
	defer cancel()
	watcher, err := kv.Watch(ctx, prefix+"*", jetstream.IgnoreDeletes())
	if err != nil {
		return nil, away(err, "listing %s*", prefix)
	}
	defer func() { _ = watcher.Stop() }()
	values := map[string]T{} // a key that changes meanwhile comes twice
	for {
		entry, err := next(ctx, watcher)
		if err != nil {
			return nil, away(err, "listing %s*", prefix)
		}
		if entry == nil {
			return inOrder(values), nil
		}
		if values[entry.Key()], err = decode(entry); err != nil {
			return nil, err
		}
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

func inOrder[T any](values map[string]T) []T {
	ordered := make([]T, 0, len(values))
	for _, key := range slices.Sorted(maps.Keys(values)) {
		ordered = append(ordered, values[key])
	}
	return ordered
}
