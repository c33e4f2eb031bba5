package sim

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/customer-exports/exports/pkg/fault"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
)

// memStore is the bucket RUNS: compare-and-set is exact, reads may be old.
type memStore struct {
	world    *world
	runs     map[string][]*planv1.Run // every version, oldest first
	changed  map[string]time.Time     // when the newest version was written
	receipts map[string]*deliveryv1.Receipt
}

func newStore(w *world) *memStore {
	return &memStore{world: w, runs: map[string][]*planv1.Run{}, changed: map[string]time.Time{}, receipts: map[string]*deliveryv1.Receipt{}}
}

// Create is part of plan.Store.
func (s *memStore) Create(_ context.Context, r *planv1.Run) error {
	id := r.GetRef().GetRunId()
	return s.world.call(func() error {
		if len(s.runs[id]) > 0 {
			return fault.New(fault.Exists, fault.ReasonAlreadyExists, "run %s exists", id)
		}
		s.world.checkFollows(r)
		s.runs[id] = []*planv1.Run{proto.CloneOf(r)}
		return nil
	})
}

// Get is part of plan.Store.
func (s *memStore) Get(_ context.Context, id string) (r *planv1.Run, err error) {
	err = s.world.call(func() error { r, _, err = s.read(id); return err })
	return r, err
}

// read returns a version of a record, mostly the newest.
func (s *memStore) read(id string) (*planv1.Run, int, error) {
	versions := s.runs[id]
	if len(versions) == 0 {
		return nil, 0, fault.New(fault.NotFound, fault.ReasonNotFound, "there is no run %q", id)
	}
	at := len(versions)
	if s.world.chance(s.world.trouble.Stale) {
		at = 1 + s.world.random.IntN(len(versions))
	}
	return proto.CloneOf(versions[at-1]), at, nil
}

// Update is part of plan.Store.
func (s *memStore) Update(_ context.Context, id string, change func(*planv1.Run) (bool, error)) (r *planv1.Run, changed bool, err error) {
	for {
		var at int
		if err := s.world.call(func() error { r, at, err = s.read(id); return err }); err != nil {
			return nil, false, err
		}
		if changed, err = change(r); err != nil || !changed {
			return r, false, err
		}
		lost := false
		err = s.world.call(func() error {
			if lost = at != len(s.runs[id]); !lost {
				s.runs[id], s.changed[id] = append(s.runs[id], proto.CloneOf(r)), s.world.now
			}
			return nil
		})
		if err != nil || !lost {
			return r, err == nil, err
		}
	}
}

// RunIDs is part of plan.Store.
func (s *memStore) RunIDs(context.Context) (ids []string, err error) {
	err = s.world.call(func() error {
		for _, id := range slices.Sorted(maps.Keys(s.runs)) {
			if !s.world.chance(s.world.trouble.Stale) {
				ids = append(ids, id)
			}
		}
		return nil
	})
	return ids, err
}

// Versions is part of plan.Store.
func (s *memStore) Versions(context.Context) (versions map[string]uint64, err error) {
	versions = map[string]uint64{}
	err = s.world.call(func() error {
		for _, id := range slices.Sorted(maps.Keys(s.runs)) {
			if !s.world.chance(s.world.trouble.Stale) {
				versions[id] = uint64(len(s.runs[id]))
			}
		}
		return nil
	})
	return versions, err
}

// At is part of plan.Store.
func (s *memStore) At(_ context.Context, id string, version uint64) (r *planv1.Run, err error) {
	err = s.world.call(func() error {
		var at int
		if r, at, err = s.read(id); err == nil && uint64(at) < version { //nolint:gosec // a count
			return away()
		}
		return err
	})
	return r, err
}

func receiptKey(runID, table string, index int32) string {
	return fmt.Sprintf("%s %s %d", runID, table, index)
}

// Accept is part of plan.Store.
func (s *memStore) Accept(_ context.Context, runID string, r *deliveryv1.Receipt) (standing *deliveryv1.Receipt, err error) {
	key := receiptKey(runID, r.GetTable(), r.GetPartIndex())
	err = s.world.call(func() error {
		if s.receipts[key] == nil {
			s.receipts[key] = proto.CloneOf(r)
		}
		standing = proto.CloneOf(s.receipts[key])
		return nil
	})
	return standing, err
}

// Receipt is part of plan.Store.
func (s *memStore) Receipt(_ context.Context, runID, table string, index int32) (r *deliveryv1.Receipt, err error) {
	err = s.world.call(func() error {
		if r = s.receipts[receiptKey(runID, table, index)]; r == nil || s.world.chance(s.world.trouble.Stale) {
			return away()
		}
		return nil
	})
	return r, err
}
