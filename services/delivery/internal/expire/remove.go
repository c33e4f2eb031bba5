package expire

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/obs"
	eventv1 "github.com/customer-exports/exports/proto/exports/event/v1"
)

// parallel is how many files are deleted at once.
const parallel = 4

// remove deletes every object of the drop, in the order in which readers lose them least: first what points at the drop,
// then its files, and last the manifest, without which nobody knows what is left to do.
func (e *Expirer) remove(ctx context.Context, d *expiring, progress func()) error {
	date, id := d.run.GetExportDate(), d.run.GetRunId()
	pointers := []string{drop.SuccessKey(date, id)}
	if d.latest {
		pointers = append(pointers, drop.LatestKey)
	}
	files := append(d.keys(), drop.StartedKey(date, id))
	for _, step := range [][]string{pointers, files, {drop.ManifestKey(date, id)}} {
		if err := e.deleteAll(ctx, d, step, progress); err != nil {
			return err
		}
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
