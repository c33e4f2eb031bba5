package store

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"
)

// Watch gives a hint for each change of a record until ctx ends. Hints that nobody takes are one.
func (s *Store) Watch(ctx context.Context, runID string) (<-chan struct{}, error) {
	watcher, err := s.kv.Watch(ctx, runPrefix+runID, jetstream.UpdatesOnly(), jetstream.MetaOnly())
	if err != nil {
		return nil, away(err, "watching run %s", runID)
	}
	hints := make(chan struct{}, 1)
	go func() {
		defer func() { _ = watcher.Stop() }()
		for {
			select {
			case <-ctx.Done():
				return
			case _, open := <-watcher.Updates():
				if !open {
					return
				}
			}
			select {
			case hints <- struct{}{}:
			default:
			}
		}
	}()
	return hints, nil
}
