// Package expire owns the deletion of drops whose retention is over: whole drops, each by its own manifest.
//
// It believes only the bucket about what a drop consists of and how long it is kept, and only the config service about
// where it is. It refuses a drop that is to be kept, and the last good one of an export that goes on; the manifest goes last,
// so that an attempt that died is finished by the next. What no manifest names stays. Start at Expirer.Expire.
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
func (e *Expirer) Expire(ctx context.Context, run *taskv1.RunRef, progress func()) (err error) {
	ctx, span := e.Tel.Start(ctx, obs.SpanExpire, obs.RunAttrs(run)...)
	defer func() { obs.End(span, err) }()
	d, err := e.load(ctx, run)
	if err != nil {
		return err
	}
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
	bucket      bucket.Bucket
	destination bucket.Destination
	manifest    *drop.Manifest // nil when it was deleted before
	latest      bool           // whether latest.json names it; set by check
}

// load reads what is to be deleted.
func (e *Expirer) load(ctx context.Context, run *taskv1.RunRef) (*expiring, error) {
	revision, err := e.Revisions.Revision(ctx, run.GetExportId(), run.GetRevision())
	if err != nil {
		return nil, fmt.Errorf("reading revision %d of %s: %w", run.GetRevision(), run.GetExportId(), err)
	}
	if err := revision.Admit(run); err != nil {
		return nil, err
	}
	d := &expiring{run: run, bucket: e.Buckets.Open(revision.Destination), destination: revision.Destination}
	data, _, err := d.bucket.Get(ctx, drop.ManifestKey(run.GetExportDate(), run.GetRunId()))
	if errors.Is(err, bucket.ErrNotFound) {
		return d, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the manifest of run %s: %w", run.GetRunId(), err)
	}
	if d.manifest, err = drop.ParseManifest(data); err != nil {
		return nil, fault.New(fault.State, fault.ReasonTaskInvalid, "the manifest of run %s cannot be read, so nothing of the drop is deleted", run.GetRunId())
	}
	return d, nil
}

func (d *expiring) files() (n int) {
	for _, t := range d.manifest.Tables {
		n += len(t.Files)
	}
	return n
}
