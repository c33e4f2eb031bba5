// Package store keeps runs and receipts in the JetStream bucket RUNS, of which the planner is the only writer, and queues
// tasks. It owns keys and encoding and decides nothing: every write is a compare-and-set whose change
// the caller makes. Start reading at Store.Update.
package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"

	"github.com/customer-exports/exports/pkg/fault"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
)

// Bucket is the name of the key-value bucket.
const Bucket = "RUNS"

const (
	// maxTries bounds how often a change is tried against the changes of others.
	maxTries = 40
	// maxReads bounds how often a record that should be there is looked for: a replica may lag behind.
	maxReads = 4
	// maxPause is the longest wait between two tries.
	maxPause = 250 * time.Millisecond
)

// Store is the bucket. It is safe for concurrent use.
type Store struct{ kv jetstream.KeyValue }

// New stores in kv.
func New(kv jetstream.KeyValue) *Store { return &Store{kv: kv} }

const runPrefix = "run."

// Create stores a new record. Exists when there is one.
func (s *Store) Create(ctx context.Context, r *planv1.Run) error {
	data, err := proto.Marshal(r)
	if err != nil {
		return fmt.Errorf("encoding run %s: %w", r.GetRef().GetRunId(), err)
	}
	_, err = s.kv.Create(ctx, runPrefix+r.GetRef().GetRunId(), data)
	if errors.Is(err, jetstream.ErrKeyExists) {
		return fault.Wrap(err, fault.Exists, fault.ReasonAlreadyExists, "run %s exists", r.GetRef().GetRunId())
	}
	if err != nil {
		return away(err, "creating run %s", r.GetRef().GetRunId())
	}
	return nil
}

// Get reads a record. NotFound when there is none.
func (s *Store) Get(ctx context.Context, runID string) (*planv1.Run, error) {
	r, _, err := s.read(ctx, runID)
	return r, err
}

// read looks a few times for a record, then believes that there is none.
func (s *Store) read(ctx context.Context, runID string) (*planv1.Run, uint64, error) {
	r := &planv1.Run{}
	for try := 0; ; try++ {
		revision, err := s.get(ctx, runPrefix+runID, r)
		switch {
		case err == nil:
			return r, revision, nil
		case errors.Is(err, jetstream.ErrInvalidKey), errors.Is(err, jetstream.ErrKeyNotFound) && try == maxReads:
			return nil, 0, fault.New(fault.NotFound, fault.ReasonNotFound, "there is no run %q", runID)
		case !errors.Is(err, jetstream.ErrKeyNotFound):
			return nil, 0, away(err, "reading run %s", runID)
		}
		if err := pause(ctx, try); err != nil {
			return nil, 0, away(err, "reading run %s", runID)
		}
	}
}

// Update changes a record as long as nobody else did, and asks change again when somebody did. It returns the record
// that is stored, and whether this call changed it. Unavailable when others were faster every time.
func (s *Store) Update(ctx context.Context, runID string, change func(*planv1.Run) (bool, error)) (*planv1.Run, bool, error) {
	for try := range maxTries {
		r, revision, err := s.read(ctx, runID)
		if err != nil {
			return nil, false, err
		}
		changed, err := change(r)
		if err != nil || !changed {
			return r, false, err
		}
		data, err := proto.Marshal(r)
		if err != nil {
			return nil, false, fmt.Errorf("encoding run %s: %w", runID, err)
		}
		_, err = s.kv.Update(ctx, runPrefix+runID, data, revision)
		if err == nil {
			return r, true, nil
		}
		if !errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
			return nil, false, away(err, "changing run %s", runID)
		}
		if err := pause(ctx, try); err != nil {
			return nil, false, away(err, "changing run %s", runID)
		}
	}
	return nil, false, fault.New(fault.Unavailable, fault.ReasonUnavailable, "run %s is changed by many at once", runID)
}

// RunIDs lists the ids of all runs, in no order.
func (s *Store) RunIDs(ctx context.Context) ([]string, error) {
	lister, err := s.kv.ListKeysFiltered(ctx, runPrefix+">")
	if err != nil {
		return nil, away(err, "listing runs")
	}
	var ids []string
	for key := range lister.Keys() {
		ids = append(ids, strings.TrimPrefix(key, runPrefix))
	}
	if ctx.Err() != nil {
		return nil, away(ctx.Err(), "listing runs")
	}
	return ids, nil
}

// get decodes the value of a key.
func (s *Store) get(ctx context.Context, key string, into proto.Message) (revision uint64, err error) {
	entry, err := s.kv.Get(ctx, key)
	if err != nil {
		return 0, err
	}
	if err := proto.Unmarshal(entry.Value(), into); err != nil {
		return 0, fmt.Errorf("decoding %s: %w", key, err)
	}
	return entry.Revision(), nil
}

// pause waits a random time that grows with the tries.
func pause(ctx context.Context, try int) error {
	most := min(maxPause, 2*time.Millisecond<<min(try, 10))
	timer := time.NewTimer(rand.N(most))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// away says that the store did not answer, whatever the cause.
func away(err error, format string, args ...any) error {
	return fault.Wrap(err, fault.Unavailable, fault.ReasonUnavailable, format, args...)
}
