// Package expire owns the deletion of drops whose retention is over, or whose place another drop of the date took: whole drops,
// each by its own manifest.
//
// It believes only the bucket about what a drop consists of, how long it is kept and what took its place, and only the config
// service about where it is. It refuses a drop that is to be kept, and the last good one of an export that goes on. A manifest goes before
// the first of its files, so that at no moment one stands without its whole drop; a record of what is left to do takes its
// place, so that an attempt that died is finished by the next. What no manifest names stays. Start at Expirer.Expire.
package expire

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	eventv1 "github.com/customer-exports/exports/proto/exports/event/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/delivery/internal/approved"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
	"github.com/customer-exports/exports/services/delivery/internal/part"
)

// EventDeleted is the type of the event that tells of one deleted object.
const EventDeleted = "drop.object_deleted"

// Runs is where a deletion is told.
type Runs interface {
	// Expired may be repeated.
	Expired(ctx context.Context, runID string) error
}

// Exports is what an export is now, whatever revision a drop was made by.
type Exports interface {
	InForce(ctx context.Context, exportID string) (approved.InForce, error)
}

// Expirer deletes drops. It is safe for concurrent use, also by several processes.
type Expirer struct {
	Runs      Runs
	Exports   Exports
	Revisions part.Revisions
	Buckets   part.Buckets
	Announce  func(ctx context.Context, e *eventv1.Event) error
	Tel       *obs.Telemetry
	Now       func() time.Time
}

// Expire deletes the drop of a run and reports it; it calls progress after each object. NOT_DUE for a drop that is to be
// kept, TASK_INVALID when the manifest is not the run's: neither is mended by another attempt. It may be repeated.
func (e *Expirer) Expire(ctx context.Context, run *taskv1.RunRef, work *taskv1.ExpireWork, progress func()) (err error) {
	ctx, span := e.Tel.Start(ctx, obs.SpanExpire, obs.RunAttrs(run)...)
	defer func() { obs.End(span, err) }()
	d, err := e.load(ctx, run)
	if err != nil {
		return err
	}
	d.by = work.GetSupersededBy()
	if d.manifest != nil {
		span.SetAttributes(attribute.Int(obs.KeyFiles, d.files()))
		if err := e.check(ctx, d); err != nil {
			return err
		}
		if err := e.remove(ctx, d, progress); err != nil {
			return err
		}
	}
	if err := e.Runs.Expired(ctx, run.GetRunId()); err != nil {
		return fmt.Errorf("reporting expiry of run %s: %w", run.GetRunId(), err)
	}
	return nil
}

// expiring is one drop on its way out.
type expiring struct {
	run         *taskv1.RunRef
	by          *taskv1.RunRef // whose drop took its place; nil when its time has come
	bucket      bucket.Bucket
	destination bucket.Destination
	manifest    *drop.Manifest // nil when nothing is left of the drop
	latest      bool           // whether latest.json names it; set by check
	wasLatest   bool           // whether it did when an attempt that died began
}

// load reads what is to be deleted.
func (e *Expirer) load(ctx context.Context, run *taskv1.RunRef) (*expiring, error) {
	d, err := e.open(ctx, run)
	if err != nil {
		return nil, err
	}
	return d, d.find(ctx)
}

// open finds the bucket of a run.
func (e *Expirer) open(ctx context.Context, run *taskv1.RunRef) (*expiring, error) {
	revision, err := e.Revisions.Revision(ctx, run.GetExportId(), run.GetRevision())
	if err != nil {
		return nil, fmt.Errorf("reading revision %d of %s: %w", run.GetRevision(), run.GetExportId(), err)
	}
	if err := revision.Admit(run); err != nil {
		return nil, err
	}
	return &expiring{run: run, bucket: e.Buckets.Open(revision.Destination), destination: revision.Destination}, nil
}

// find reads the manifest, or the record of an attempt that died.
func (d *expiring) find(ctx context.Context) error {
	date, id := d.run.GetExportDate(), d.run.GetRunId()
	record, err := read(ctx, d, drop.ExpiringKey(date, id), drop.ParseExpiring)
	if err != nil {
		return err
	}
	if record != nil {
		d.manifest, d.wasLatest = record.Manifest, record.Latest
		return nil
	}
	d.manifest, err = read(ctx, d, drop.ManifestKey(date, id), drop.ParseManifest)
	return err
}

// read returns nil when there is no such object.
func read[T any](ctx context.Context, d *expiring, key string, parse func([]byte) (*T, error)) (*T, error) {
	data, _, err := d.bucket.Get(ctx, key)
	if errors.Is(err, bucket.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading what the drop of run %s consists of: %w", d.run.GetRunId(), err)
	}
	value, err := parse(data)
	if err != nil {
		return nil, fault.New(fault.State, fault.ReasonTaskInvalid, "the manifest of run %s cannot be read, so nothing of the drop is deleted", d.run.GetRunId())
	}
	return value, nil
}

func (d *expiring) files() (n int) {
	for _, t := range d.manifest.Tables {
		n += len(t.Files)
	}
	return n
}
