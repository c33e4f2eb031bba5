// Package commit owns the moment at which a drop becomes visible: it completes the uploads of a run,
// reads every file back, and writes manifest, _SUCCESS and latest.json in that order.
//
// Every step may be repeated after a crash at any point, because what is to be done is fixed by the
// planner's immutable receipts, and each step asks the bucket what is done already. It refuses to
// begin unless the rows add up, and to overwrite anything of another committer. Start at
// Committer.Commit.
package commit

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/obs"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/delivery/internal/approved"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
	"github.com/customer-exports/exports/services/delivery/internal/part"
)

// parallel is how many files are completed or read back at once.
const parallel = 4

// Plan is what the planner holds of a run that is being committed.
type Plan struct {
	Run      *planv1.Run
	Receipts []*deliveryv1.Receipt
}

// Planner is where a run's receipts are kept and its commit is told.
type Planner interface {
	Plan(ctx context.Context, runID string) (Plan, error)
	// Committed may be repeated.
	Committed(ctx context.Context, runID, manifestKey string, at, expires time.Time) error
}

// Committer makes drops visible. It is safe for concurrent use, also by several processes.
type Committer struct {
	Planner   Planner
	Revisions part.Revisions
	Buckets   part.Buckets
	Tel       *obs.Telemetry
	Now       func() time.Time
	// Producer is the version that the manifest names.
	Producer string
}

// Commit makes the drop of a run visible, or finishes what an earlier attempt began. It calls
// progress after each file, and after each piece that it reads back. Faults that no attempt can mend: ROW_COUNT_MISMATCH,
// SCOPE_VIOLATION, READ_BACK_MISMATCH, COMMIT_FENCED; UPLOAD_GONE is one when it lasts.
func (c *Committer) Commit(ctx context.Context, run *taskv1.RunRef, progress func()) (err error) {
	ctx, span := c.Tel.Start(ctx, obs.SpanCommit, obs.RunAttrs(run)...)
	defer func() { obs.End(span, err) }()
	d, err := c.load(ctx, run)
	if err != nil {
		return err
	}
	span.SetAttributes(d.attributes()...)
	if err := d.check(); err != nil {
		return err
	}
	if err := c.show(ctx, d, progress); err != nil {
		return err
	}
	committed, err := c.publish(ctx, d)
	if err != nil {
		return err
	}
	c.abortStrays(ctx, d)
	if err := c.Planner.Committed(ctx, run.GetRunId(), committed.key, committed.at, committed.expires); err != nil {
		return fmt.Errorf("reporting commit of run %s: %w", run.GetRunId(), err)
	}
	return nil
}

// load reads what is to be committed; scope, tables and destination come from the config service.
func (c *Committer) load(ctx context.Context, run *taskv1.RunRef) (*pending, error) {
	plan, err := c.Planner.Plan(ctx, run.GetRunId())
	if err != nil {
		return nil, fmt.Errorf("reading receipts of run %s: %w", run.GetRunId(), err)
	}
	revision, err := c.Revisions.Revision(ctx, run.GetExportId(), run.GetRevision())
	if err != nil {
		return nil, fmt.Errorf("reading revision %d of %s: %w", run.GetRevision(), run.GetExportId(), err)
	}
	if err := revision.Admit(run); err != nil {
		return nil, err
	}
	return newPending(run, plan, revision, c.Buckets.Open(revision.Destination)), nil
}

// show completes every upload and reads every file back.
func (c *Committer) show(ctx context.Context, d *pending, progress func()) error {
	if err := part.MarkStarted(ctx, d.bucket, d.run); err != nil {
		return err
	}
	err := d.each(ctx, progress, func(ctx context.Context, f file) error { return complete(ctx, d.bucket, f.receipt) })
	if err != nil {
		return err
	}
	return c.readBack(ctx, d, progress)
}

func (c *Committer) readBack(ctx context.Context, d *pending, progress func()) (err error) {
	ctx, span := c.Tel.Start(ctx, obs.SpanReadBack, d.attributes()...)
	defer func() { obs.End(span, err) }()
	return d.each(ctx, progress, func(ctx context.Context, f file) error { return readBack(ctx, d, f, progress) })
}

// each does one thing to every file, several at a time. An error does not stop the others: a request
// given up half-way may still take effect later, behind the back of a withdrawal.
func (d *pending) each(ctx context.Context, progress func(), do func(context.Context, file) error) error {
	group := new(errgroup.Group)
	group.SetLimit(parallel)
	for _, f := range d.files {
		group.Go(func() error {
			if err := do(ctx, f); err != nil {
				return err
			}
			progress()
			return nil
		})
	}
	return group.Wait()
}

// pending is one drop on its way to being visible.
type pending struct {
	run      *taskv1.RunRef
	plan     Plan
	revision *approved.Revision
	bucket   bucket.Bucket
	files    []file                              // by table in the revision's order, then part index; set by check
	totals   map[*dictionary.Layout][]drop.Total // set by check
}
