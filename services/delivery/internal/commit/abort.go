package commit

import (
	"context"
	"fmt"

	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/delivery/internal/part"
)

// Runs is where a run's state is asked for, and its abort told.
type Runs interface {
	// Wanted fails with NOT_ACTIVE when the run has ended.
	Wanted(ctx context.Context, runID string) error
	// Aborted may be repeated.
	Aborted(ctx context.Context, runID string) error
}

// Aborter discards what cancelled runs have uploaded. It is safe for concurrent use.
type Aborter struct {
	Runs      Runs
	Revisions part.Revisions
	Buckets   part.Buckets
	Tel       *obs.Telemetry
}

// Abort discards every upload of a run, whether a receipt names it or not, and calls progress after each table. It
// touches nothing of a run that has not ended (TASK_INVALID): whoever queued the task was wrong. It may be repeated.
func (a *Aborter) Abort(ctx context.Context, run *taskv1.RunRef, progress func()) (err error) {
	ctx, span := a.Tel.Start(ctx, obs.SpanAbort, obs.RunAttrs(run)...)
	defer func() { obs.End(span, err) }()
	if err := a.checkEnded(ctx, run.GetRunId()); err != nil {
		return err
	}
	revision, err := a.Revisions.Revision(ctx, run.GetExportId(), run.GetRevision())
	if err != nil {
		return fmt.Errorf("reading revision %d of %s: %w", run.GetRevision(), run.GetExportId(), err)
	}
	if err := revision.Admit(run); err != nil {
		return err
	}
	store := a.Buckets.Open(revision.Destination)
	for _, layout := range revision.Layouts {
		if err := abortBelow(ctx, store, drop.TablePrefix(layout.Table.Name, run.GetExportDate(), run.GetRunId())); err != nil {
			return fmt.Errorf("aborting uploads of table %s: %w", layout.Table.Name, err)
		}
		progress()
	}
	if err := a.Runs.Aborted(ctx, run.GetRunId()); err != nil {
		return fmt.Errorf("reporting abort of run %s: %w", run.GetRunId(), err)
	}
	return nil
}

func (a *Aborter) checkEnded(ctx context.Context, runID string) error {
	err := a.Runs.Wanted(ctx, runID)
	switch {
	case err == nil:
		return fault.New(fault.State, fault.ReasonTaskInvalid, "run %s has not ended: its uploads stay", runID)
	case fault.ReasonOf(err) != fault.ReasonNotActive:
		return fmt.Errorf("asking whether run %s has ended: %w", runID, err)
	}
	return nil
}
