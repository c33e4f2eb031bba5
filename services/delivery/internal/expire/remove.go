package expire

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/obs"
	eventv1 "github.com/customer-exports/exports/proto/exports/event/v1"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
)

// parallel is how many files are deleted at once.
const parallel = 4

// remove deletes every object of the drop, so that whoever reads meanwhile finds a whole drop or no manifest: what points at
// the manifest goes before it, and it before the files.
func (e *Expirer) remove(ctx context.Context, d *expiring, progress func()) error {
	date, id := d.run.GetExportDate(), d.run.GetRunId()
	// Nobody misses this one: where we may not delete, the drop stays as it is.
	if err := e.deleteAll(ctx, d, []string{drop.StartedKey(date, id)}, progress); err != nil {
		return err
	}
	if err := d.begin(ctx); err != nil {
		return err
	}
	if err := e.removePointer(ctx, d, progress); err != nil {
		return err
	}
	for _, step := range [][]string{{drop.SuccessKey(date, id)}, {drop.ManifestKey(date, id)}, d.keys()} {
		if err := e.deleteAll(ctx, d, step, progress); err != nil {
			return err
		}
	}
	return d.end(ctx)
}

// begin writes down what is to be deleted, because the manifest that says it does not outlast its files.
func (d *expiring) begin(ctx context.Context) error {
	data, err := drop.Expiring{Latest: d.latest, Manifest: d.manifest}.Encode()
	if err != nil {
		return err
	}
	err = d.bucket.PutNew(ctx, drop.ExpiringKey(d.run.GetExportDate(), d.run.GetRunId()), data)
	if err != nil && !errors.Is(err, bucket.ErrExists) {
		return fmt.Errorf("recording what is deleted of run %s: %w", d.run.GetRunId(), err)
	}
	return nil
}

// end takes the record away. It is no part of the drop, so it goes untold.
func (d *expiring) end(ctx context.Context) error {
	if err := d.bucket.Delete(ctx, drop.ExpiringKey(d.run.GetExportDate(), d.run.GetRunId())); err != nil {
		return fmt.Errorf("deleting the record of what was deleted: %w", err)
	}
	return nil
}

// removePointer deletes latest.json if it names the drop, or tells that an attempt that died did.
func (e *Expirer) removePointer(ctx context.Context, d *expiring, progress func()) error {
	if d.latest {
		return e.deleteAll(ctx, d, []string{drop.LatestKey}, progress)
	}
	if d.wasLatest {
		e.tell(ctx, d, drop.LatestKey)
	}
	return nil
}

func (d *expiring) keys() []string {
	keys := make([]string, 0, d.files())
	for _, t := range d.manifest.Tables {
		for _, f := range t.Files {
			keys = append(keys, f.Key)
		}
	}
	return keys
}

// deleteAll waits for every object, also after one that could not be deleted.
func (e *Expirer) deleteAll(ctx context.Context, d *expiring, keys []string, progress func()) error {
	group := new(errgroup.Group)
	group.SetLimit(parallel)
	for _, key := range keys {
		group.Go(func() error {
			if err := d.bucket.Delete(ctx, key); err != nil {
				return fmt.Errorf("deleting %s: %w", key, err)
			}
			e.tell(ctx, d, key)
			progress()
			return nil
		})
	}
	return group.Wait()
}

// tell tells of one deletion. Its id is that of the object, so a repeated attempt tells nothing new.
func (e *Expirer) tell(ctx context.Context, d *expiring, key string) {
	err := e.Announce(ctx, &eventv1.Event{
		EventId: d.run.GetRunId() + "." + EventDeleted + "." + key, Type: EventDeleted, CustomerId: d.run.GetCustomerId(), ExportId: d.run.GetExportId(),
		RunId: d.run.GetRunId(), ExportDate: d.run.GetExportDate(), Message: key + " was deleted: its retention is over",
	})
	if err != nil {
		e.Tel.Logger.WarnContext(ctx, "deletion not told", obs.KeyRunID, d.run.GetRunId(), obs.KeyFile, key, obs.KeyError, err)
	}
}
