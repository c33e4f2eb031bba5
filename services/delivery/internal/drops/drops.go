// Package drops owns looking at drops where they landed: which there are, what their manifests say, and whether every byte of
// one is still what was delivered.
//
// It believes the bucket alone, neither the planner nor the run's receipts, and writes nothing. Start at Reader.
package drops

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/customer-exports/exports/pkg/calendar"
	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
)

// Places says where drops land.
type Places interface {
	// Place is where an export delivers to; revision zero means the one in force.
	Place(ctx context.Context, exportID string, revision int64) (bucket.Destination, error)
	// Exports are those of a customer that have a place, in id order.
	Exports(ctx context.Context, customerID string) ([]string, error)
}

// Buckets opens customers' buckets.
type Buckets interface {
	Open(d bucket.Destination) bucket.Bucket
}

// Reader looks at drops. It is safe for concurrent use.
type Reader struct {
	Places  Places
	Buckets Buckets
	Tel     *obs.Telemetry
}

// Name names one drop. Revision is the one whose bucket is looked into; zero means the one in force.
type Name struct {
	ExportID, RunID string
	Revision        int64
}

// State says how far a drop is.
type State int

// The states in their order.
const (
	Started State = iota + 1
	Committing
	Committed
	// Damaged is a drop whose manifest cannot be read, or is of another run.
	Damaged
)

// Drop is what the bucket says of one run's drop.
type Drop struct {
	ExportID, RunID, ExportDate string
	State                       State
	// Manifest is nil without one that can be read. Text is what stands there, empty when nothing does.
	Manifest *drop.Manifest
	Text     []byte
}

// Get reads one drop; NOT_FOUND when the bucket holds nothing of the run.
func (r *Reader) Get(ctx context.Context, n Name) (Drop, error) {
	date, _, err := calendar.ParseRunID(n.ExportID, n.RunID)
	if err != nil {
		return Drop{}, err
	}
	store, err := r.open(ctx, n.ExportID, n.Revision)
	if err != nil {
		return Drop{}, err
	}
	keys, err := store.List(ctx, drop.RunPrefix(date.String(), n.RunID))
	if err != nil {
		return Drop{}, err
	}
	if len(keys) == 0 {
		return Drop{}, fault.New(fault.NotFound, fault.ReasonNotFound, "the bucket holds nothing of run %s: see the revision that it ran under", n.RunID)
	}
	return look(ctx, store, n.ExportID, n.RunID, date, keys)
}

// look reads what the keys of a run say.
func look(ctx context.Context, store bucket.Objects, exportID, runID string, date calendar.Date, keys []string) (Drop, error) {
	d := Drop{ExportID: exportID, RunID: runID, ExportDate: date.String(), State: Started}
	if !slices.Contains(keys, drop.ManifestKey(d.ExportDate, runID)) {
		return d, nil
	}
	d.State = Committing
	if slices.Contains(keys, drop.SuccessKey(d.ExportDate, runID)) {
		d.State = Committed
	}
	var err error
	d.Manifest, d.Text, err = manifest(ctx, store, exportID, runID, d.ExportDate)
	if fault.ReasonOf(err) == fault.ReasonReadBackMismatch {
		d.State = Damaged
		return d, nil
	}
	return d, err
}

// manifest reads the manifest of a run. Text is given whatever is wrong with it.
func manifest(ctx context.Context, store bucket.Objects, exportID, runID, date string) (*drop.Manifest, []byte, error) {
	key := drop.ManifestKey(date, runID)
	text, err := whole(ctx, store, key)
	if errors.Is(err, bucket.ErrNotFound) {
		return nil, nil, fault.New(fault.NotFound, fault.ReasonNotFound, "run %s has no manifest", runID)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("reading the manifest of run %s: %w", runID, err)
	}
	m, err := drop.ParseManifest(text)
	if err != nil {
		return nil, text, fault.Wrap(err, fault.State, fault.ReasonReadBackMismatch, "%s is no manifest", key)
	}
	if m.RunID != runID || m.ExportID != exportID || m.ExportDate != date {
		return nil, text, fault.New(fault.State, fault.ReasonReadBackMismatch, "%s is of another run", key)
	}
	return m, text, nil
}

// maxControlBytes is the most of a manifest or marker that is read.
const maxControlBytes = 64 << 20

// whole reads a small object as it lies there, damaged or not. ErrNotFound when there is none.
func whole(ctx context.Context, store bucket.Objects, key string) ([]byte, error) {
	have, err := store.Head(ctx, key)
	if err != nil || have.Bytes == 0 {
		return nil, err
	}
	if have.Bytes > maxControlBytes {
		return nil, fault.New(fault.State, fault.ReasonReadBackMismatch, "%s has %d bytes, more than a manifest can have", key, have.Bytes)
	}
	data := make([]byte, have.Bytes)
	return data, store.ReadRange(ctx, key, 0, data)
}

func (r *Reader) open(ctx context.Context, exportID string, revision int64) (bucket.Bucket, error) {
	place, err := r.Places.Place(ctx, exportID, revision)
	if err != nil {
		return nil, fmt.Errorf("reading where export %s delivers to: %w", exportID, err)
	}
	return r.Buckets.Open(place), nil
}
