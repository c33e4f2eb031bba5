package commit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/customer-exports/exports/pkg/calendar"
	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
	"github.com/customer-exports/exports/services/delivery/internal/part"
)

// orphanAge is from when on an upload of a run that has ended is of no use: as long as a run may take from its due time.
const orphanAge = 24 * time.Hour

// Sweeper discards uploads that nobody will complete: those that attempts left behind of runs that ended. A bucket keeps them
// unseen, and its owner pays for them. It is safe for concurrent use, also by several processes.
type Sweeper struct {
	Runs      part.Runs
	Revisions part.Revisions
	Buckets   part.Buckets
	Tel       *obs.Telemetry
	Now       func() time.Time
}

// Sweep discards the orphans of the export that a run is of, where that run delivers to, and calls progress after each. It
// touches nothing of a run that goes on, however old, nor anything that is not the export's. It may be repeated.
func (s *Sweeper) Sweep(ctx context.Context, run *taskv1.RunRef, progress func()) error {
	revision, err := s.Revisions.Revision(ctx, run.GetExportId(), run.GetRevision())
	if err != nil {
		return fmt.Errorf("reading revision %d of %s: %w", run.GetRevision(), run.GetExportId(), err)
	}
	store := s.Buckets.Open(revision.Destination)
	open, err := store.ListUploads(ctx, drop.Prefix)
	if err != nil {
		return fmt.Errorf("looking for uploads that were left behind: %w", err)
	}
	ended := map[string]bool{}
	for _, u := range open {
		id, ours := runOf(u.Key, run.GetExportId())
		if !ours || s.Now().Sub(u.StartTime) < orphanAge {
			continue
		}
		if _, asked := ended[id]; !asked {
			if ended[id], err = s.hasEnded(ctx, id); err != nil {
				return err
			}
		}
		if !ended[id] {
			continue
		}
		if err := store.AbortUpload(ctx, u.Upload); err != nil && !errors.Is(err, bucket.ErrNoUpload) {
			return fmt.Errorf("discarding an upload that run %s left behind: %w", id, err)
		}
		s.Tel.Logger.InfoContext(ctx, "orphaned upload discarded", obs.KeyRunID, id, obs.KeyFile, u.Key)
		progress()
	}
	return nil
}

// runOf finds the run of an export in a key; false when the key is not of one.
func runOf(key, exportID string) (id string, ours bool) {
	_, rest, _ := strings.Cut(key, "/run=")
	id, _, _ = strings.Cut(rest, "/")
	_, _, err := calendar.ParseRunID(exportID, id)
	return id, err == nil
}

// hasEnded needs a clear word: a planner that does not answer may have the run going on.
func (s *Sweeper) hasEnded(ctx context.Context, runID string) (bool, error) {
	err := s.Runs.Wanted(ctx, runID)
	switch {
	case err == nil:
		return false, nil
	case fault.ReasonOf(err) == fault.ReasonNotActive || fault.KindOf(err) == fault.NotFound:
		return true, nil
	default:
		return false, fmt.Errorf("asking whether run %s has ended: %w", runID, err)
	}
}
