package store

import (
	"context"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/customer-exports/exports/pkg/fault"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
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

// At reads a record that is at least as new as a version. Unavailable when a replica lags behind.
func (s *Store) At(ctx context.Context, runID string, version uint64) (*planv1.Run, error) {
	for try := 0; ; try++ {
		r, revision, err := s.read(ctx, runID)
		switch {
		case err != nil:
			return nil, err
		case revision >= version:
			return r, nil
		case try == maxReads:
			return nil, fault.New(fault.Unavailable, fault.ReasonUnavailable, "run %s cannot be read at version %d yet", runID, version)
		}
		if err := pause(ctx, try); err != nil {
			return nil, away(err, "reading run %s", runID)
		}
	}
}
