package store

import (
	"context"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// Versions lists the ids of all runs, each with a version that grows whenever the record changes.
func (s *Store) Versions(ctx context.Context) (map[string]uint64, error) {
	watcher, err := s.kv.Watch(ctx, runPrefix+">", jetstream.MetaOnly(), jetstream.IgnoreDeletes())
	if err != nil {
		return nil, away(err, "listing runs")
	}
	defer func() { _ = watcher.Stop() }()
	versions := make(map[string]uint64)
	for {
		select {
		case <-ctx.Done():
			return nil, away(ctx.Err(), "listing runs")
		case entry, open := <-watcher.Updates():
			switch {
			case !open:
				return nil, away(jetstream.ErrConnectionClosed, "listing runs")
			case entry == nil: // all that was there at the start is read
				return versions, nil
			}
			versions[strings.TrimPrefix(entry.Key(), runPrefix)] = entry.Revision()
		}
	}
}
