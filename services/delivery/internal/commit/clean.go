package commit

import (
	"context"
	"errors"
	"fmt"

	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/obs"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
)

// Withdraw removes what a run that failed for good has made visible, so that no reader of a folder
// takes it for a drop. It touches nothing once a manifest stands, and only files of the run's own
// receipts.
func (c *Committer) Withdraw(ctx context.Context, run *taskv1.RunRef) error {
	d, err := c.load(ctx, run)
	if err != nil {
		return err
	}
	_, err = d.bucket.Head(ctx, drop.ManifestKey(run.GetExportDate(), run.GetRunId()))
	if err == nil {
		return nil
	}
	if !errors.Is(err, bucket.ErrNotFound) {
		return fmt.Errorf("looking for the manifest of run %s: %w", run.GetRunId(), err)
	}
	// First, so that nothing can be completed any more.
	c.abortStrays(ctx, d)
	for _, r := range d.plan.Receipts {
		if r.GetKey() != d.revision.Format.PartKey(r.GetTable(), run.GetExportDate(), run.GetRunId(), int(r.GetPartIndex())) {
			continue
		}
		if err := d.bucket.Delete(ctx, r.GetKey()); err != nil {
			return fmt.Errorf("withdrawing run %s: %w", run.GetRunId(), err)
		}
	}
	return nil
}

// abortStrays discards uploads of the run that no receipt names: those of attempts that died. What
// cannot be aborted costs storage, not correctness, so it is logged only.
func (c *Committer) abortStrays(ctx context.Context, d *pending) {
	for _, layout := range d.revision.Layouts {
		prefix := drop.TablePrefix(layout.Table.Name, d.run.GetExportDate(), d.run.GetRunId())
		if err := abortBelow(ctx, d.bucket, prefix); err != nil {
			c.Tel.Logger.WarnContext(ctx, "stray uploads left behind", obs.KeyFile, prefix, obs.KeyError, err)
		}
	}
}

func abortBelow(ctx context.Context, store bucket.Completions, prefix string) error {
	uploads, err := store.ListUploads(ctx, prefix)
	if err != nil {
		return err
	}
	for _, u := range uploads {
		if err := store.AbortUpload(ctx, u.Upload); err != nil && !errors.Is(err, bucket.ErrNoUpload) {
			return err
		}
	}
	return nil
}
