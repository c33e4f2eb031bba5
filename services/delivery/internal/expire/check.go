package expire

import (
	"context"
	"errors"
	"fmt"

	"github.com/customer-exports/exports/pkg/calendar"
	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
)

// check refuses a drop that is not this run's, or is to be kept, whatever the task says.
func (e *Expirer) check(ctx context.Context, d *expiring) error {
	m := d.manifest
	if m.RunID != d.run.GetRunId() || m.ExportID != d.run.GetExportId() || m.CustomerID != d.run.GetCustomerId() || m.ExportDate != d.run.GetExportDate() {
		return fault.New(fault.State, fault.ReasonTaskInvalid, "the manifest in the folder of run %s is of another run", d.run.GetRunId())
	}
	if err := e.checkDue(ctx, d); err != nil {
		return err
	}
	var err error
	if d.latest, err = d.isLatest(ctx); err != nil || !d.latest {
		return err
	}
	return e.checkLatest(ctx, d)
}

// checkDue lets a drop go whose time has come, or whose place another one took.
func (e *Expirer) checkDue(ctx context.Context, d *expiring) error {
	switch m := d.manifest; {
	case !m.ExpireTime.After(e.Now()):
		return nil
	case d.by != nil:
		return e.checkSuperseded(ctx, d)
	default:
		return fault.New(fault.State, fault.ReasonNotDue, "run %s: its drop is kept until %s", m.RunID, m.ExpireTime)
	}
}

// checkSuperseded refuses unless the drop of a later run of the same date is there, and whole, wherever it was delivered.
func (e *Expirer) checkSuperseded(ctx context.Context, d *expiring) error {
	if !follows(d.by, d.run) {
		return fault.New(fault.State, fault.ReasonTaskInvalid, "run %s is no later one of the date of run %s", d.by.GetRunId(), d.run.GetRunId())
	}
	later, err := e.open(ctx, d.by)
	if err != nil {
		return err
	}
	date, id := d.by.GetExportDate(), d.by.GetRunId()
	m, err := read(ctx, later, drop.ManifestKey(date, id), drop.ParseManifest)
	if err != nil {
		return err
	}
	if _, err = later.bucket.Head(ctx, drop.SuccessKey(date, id)); errors.Is(err, bucket.ErrNotFound) {
		m = nil
	} else if err != nil {
		return fmt.Errorf("looking for the drop of run %s: %w", id, err)
	}
	if m == nil || m.RunID != id || m.ExportID != d.run.GetExportId() || m.ExportDate != date {
		return fault.New(fault.State, fault.ReasonNotDue, "run %s: its drop stays, because that of run %s is not there", d.run.GetRunId(), id)
	}
	return nil
}

// follows says whether a run is a later one of the same export and date.
func follows(later, run *taskv1.RunRef) bool {
	date, first, err := calendar.ParseRunID(run.GetExportId(), run.GetRunId())
	again, second, errLater := calendar.ParseRunID(run.GetExportId(), later.GetRunId())
	return err == nil && errLater == nil && again == date && second > first &&
		later.GetExportId() == run.GetExportId() && later.GetCustomerId() == run.GetCustomerId() && later.GetExportDate() == run.GetExportDate()
}

// isLatest says whether latest.json names the drop. A pointer that cannot be read names none.
func (d *expiring) isLatest(ctx context.Context) (bool, error) {
	data, _, err := d.bucket.Get(ctx, drop.LatestKey)
	if errors.Is(err, bucket.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading latest.json: %w", err)
	}
	pointer, err := drop.ParseLatest(data)
	return err == nil && pointer.RunID == d.run.GetRunId(), nil
}

// checkLatest lets the newest drop of a bucket go only when no newer one is to come there: the export was archived, or
// delivers into another bucket now.
func (e *Expirer) checkLatest(ctx context.Context, d *expiring) error {
	now, err := e.Exports.InForce(ctx, d.run.GetExportId())
	if err != nil {
		return fmt.Errorf("reading what is in force of export %s: %w", d.run.GetExportId(), err)
	}
	if !now.Archived && now.Destination.SamePlace(d.destination) {
		return fault.New(fault.State, fault.ReasonNotDue, "run %s: its drop is the newest of export %s and stays until there is a newer one", d.run.GetRunId(), d.run.GetExportId())
	}
	return nil
}
