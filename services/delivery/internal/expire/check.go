package expire

import (
	"context"
	"errors"
	"fmt"

	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
)

// check refuses a drop that is not this run's, or is to be kept, whatever the task says.
func (e *Expirer) check(ctx context.Context, d *expiring) error {
	m := d.manifest
	if m.RunID != d.run.GetRunId() || m.ExportID != d.run.GetExportId() || m.CustomerID != d.run.GetCustomerId() || m.ExportDate != d.run.GetExportDate() {
		return fault.New(fault.State, fault.ReasonTaskInvalid, "the manifest in the folder of run %s is of another run", d.run.GetRunId())
	}
	if now := e.Now(); m.ExpireTime.After(now) {
		return fault.New(fault.State, fault.ReasonNotDue, "run %s: its drop is kept until %s", m.RunID, m.ExpireTime)
	}
	var err error
	if d.latest, err = d.isLatest(ctx); err != nil || !d.latest {
		return err
	}
	return e.checkLatest(ctx, d)
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
