package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/customer-exports/exports/services/planner/internal/run"
)

func resumeKey(runID string) string { return "resume." + runID }

// Last reads when a run was last resumed, and the version of that note; both are zero when it never was.
func (s *Store) Last(ctx context.Context, runID string) (last run.Resumption, version uint64, err error) {
	entry, err := s.kv.Get(ctx, resumeKey(runID))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return run.Resumption{}, 0, nil
	}
	if err != nil {
		return run.Resumption{}, 0, away(err, "reading when run %s was resumed", runID)
	}
	if err := json.Unmarshal(entry.Value(), &last); err != nil {
		return run.Resumption{}, 0, fmt.Errorf("decoding when run %s was resumed: %w", runID, err)
	}
	return last, entry.Revision(), nil
}

// Claim notes the next resumption, and says whether this planner was the first to do so since that version.
func (s *Store) Claim(ctx context.Context, runID string, next run.Resumption, version uint64) (bool, error) {
	data, err := json.Marshal(next)
	if err != nil {
		return false, fmt.Errorf("encoding when run %s was resumed: %w", runID, err)
	}
	_, err = s.kv.Update(ctx, resumeKey(runID), data, version)
	if errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		return false, nil
	}
	if err != nil {
		return false, away(err, "noting that run %s is resumed", runID)
	}
	return true, nil
}
