package sim

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/customer-exports/exports/pkg/calendar"
	"github.com/customer-exports/exports/pkg/fault"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	"github.com/customer-exports/exports/services/planner/internal/run"
)

func (w *world) report() Report {
	seen := w.seen
	for _, versions := range w.store.runs {
		seen.Runs++
		switch versions[len(versions)-1].GetState() {
		case run.Committed:
			seen.Committed++
		case run.Expiring:
			seen.Committed++
		case run.Expired:
			seen.Committed++
			seen.Expired++
		case run.Failed:
			seen.Failed++
		case run.Quarantined:
			seen.Quarantined++
		}
	}
	return seen
}

// check says what a customer or an operator would notice: a missing day, a doubled one, a run that stands still, a drop
// that is not what was measured, a record that denies a drop.
func (w *world) check() error {
	faults := append(w.faults, w.checkDays())
	for id, versions := range w.store.runs {
		if err := w.checkRun(versions[len(versions)-1]); err != nil {
			faults = append(faults, fmt.Errorf("run %s: %w", id, err))
		}
		faults = append(faults, checkHistory(versions))
	}
	return errors.Join(faults...)
}

// settled is how long before the end a run must have been due to be judged: the calm world needs time for it too.
const settled = calmFor / 2

// checkDays derives the days from the calendar alone, walking the clock.
func (w *world) checkDays() error {
	var faults []error
	owed := map[string]bool{}
	for _, e := range w.exports {
		schedule, err := calendar.FromProto(e.GetRevision().GetSpec().GetSchedule())
		if err != nil {
			return err
		}
		for at := begin(); at.Before(w.now.Add(2 * maxSkew)); at = at.Add(15 * time.Minute) {
			date, due := schedule.LatestDue(at)
			id := calendar.RunID(e.GetExportId(), date, 1)
			if due.Before(begin()) || owed[id] {
				continue
			}
			if owed[id] = true; len(w.store.runs[id]) == 0 && due.Before(w.now.Add(-settled)) {
				faults = append(faults, fmt.Errorf("a day is missing: there is no run %s, due %s", id, due))
			}
		}
	}
	for id, versions := range w.store.runs {
		if !owed[id] && versions[0].GetSupersedesRunId() == "" {
			faults = append(faults, fmt.Errorf("a day is doubled, or too early: run %s, due %s, is not owed", id, versions[0].GetRef().GetDueTime().AsTime()))
		}
	}
	return errors.Join(faults...)
}

func (w *world) checkRun(r *planv1.Run) error {
	ref := r.GetRef()
	drop, visible := w.bucket[ref.GetRunId()]
	young := w.began(r).After(w.now.Add(-settled))
	switch {
	case !ref.GetAsOfTime().AsTime().Equal(ref.GetDueTime().AsTime()):
		return fmt.Errorf("it reads %s, but was due %s", ref.GetAsOfTime().AsTime(), ref.GetDueTime().AsTime())
	case len(run.Outstanding(r)) > 0 && !young:
		return fmt.Errorf("it stands still in state %s; its failures are %v", run.Word(r.GetState()), r.GetFailures())
	case r.GetState() == run.Committed && !visible:
		return errors.New("it is committed, but no drop is there")
	case visible && r.GetState() == run.Expired:
		return errors.New("it is expired, but its drop is there")
	case visible && !run.Delivered(r) && r.GetState() != run.Quarantined && !young:
		return fmt.Errorf("its drop is there, but it is %s", run.Word(r.GetState()))
	case w.checkAsked(r) != nil && !young:
		return w.checkAsked(r)
	case r.GetState() == run.Failed:
		return w.checkFailed(r)
	case r.GetState() == run.Committed && w.replaced(r) && !young:
		return errors.New("its drop is there, although another one took its place long ago")
	case r.GetState() == run.Committed:
		return w.checkDrop(r, drop)
	default:
		return nil
	}
}

// replaced says whether a later run of the date was committed so long ago that the drop must be gone.
func (w *world) replaced(r *planv1.Run) bool {
	for id := run.NextID(r.GetRef().GetRunId()); ; id = run.NextID(id) {
		later := w.store.newest(id)
		if later == nil {
			return false
		}
		if later.GetState() == run.Committed && later.GetCommitTime().AsTime().Before(w.now.Add(-settled)) {
			return true
		}
	}
}

// began is when a run fell due, or its drop was given up to be deleted.
func (w *world) began(r *planv1.Run) time.Time {
	if r.GetState() == run.Expiring {
		return w.store.changed[r.GetRef().GetRunId()]
	}
	return r.GetRef().GetDueTime().AsTime()
}

// checkFailed lets a run fail for a task that never succeeds, or at whose every attempt a worker ended or stood still, but
// not because somebody was away.
func (w *world) checkFailed(r *planv1.Run) error {
	var exhausted *planv1.Failure
	last := map[string]*planv1.Failure{}
	for _, f := range r.GetFailures() {
		gone := f.GetReason() == string(fault.ReasonFileGone) && w.removed[r.GetResendsRunId()]
		if gone || w.ill(f.GetTaskId()) || w.deadly(f.GetTaskId()) {
			return nil
		}
		if f.GetReason() == string(fault.ReasonAttemptsExhausted) && !strings.HasSuffix(last[f.GetTaskId()].GetReason(), "UNAVAILABLE") {
			exhausted = f
		}
		last[f.GetTaskId()] = f
	}
	if exhausted != nil {
		w.seen.Unlucky++
		return nil
	}
	return fmt.Errorf("it failed although nothing is wrong with it; its failures are %v", r.GetFailures())
}

// checkDrop compares the drop with what was measured: one upload a part, and the one whose receipt stands.
func (w *world) checkDrop(r *planv1.Run, drop manifest) error {
	var rows int64
	var uploads []string
	for _, part := range run.Parts(r) {
		receipt := w.store.receipts[receiptKey(r.GetRef().GetRunId(), part.Table, part.Index)]
		rows, uploads = rows+receipt.GetRowCount(), append(uploads, receipt.GetUploadId())
	}
	if !slices.Equal(uploads, drop.uploads) {
		return fmt.Errorf("the drop holds the uploads %q, the receipts say %q", drop.uploads, uploads)
	}
	var truth int64
	for _, table := range w.truth(r.GetRef().GetExportId()) {
		for _, count := range table.GetCounts() {
			truth += count.GetRowCount()
		}
	}
	if rows != truth {
		return fmt.Errorf("the drop has %d rows, the source %d", rows, truth)
	}
	return nil
}

// checkHistory holds every step of a run to the picture in package run.
func checkHistory(versions []*planv1.Run) error {
	for i := 1; i < len(versions); i++ {
		before, after := versions[i-1].GetState(), versions[i].GetState()
		if before != after && !mayFollow(before, after) {
			return fmt.Errorf("run %s went from %s to %s", versions[i].GetRef().GetRunId(), run.Word(before), run.Word(after))
		}
	}
	return nil
}

func mayFollow(before, after planv1.RunState) bool {
	switch before {
	case run.Quarantined:
		return false
	case run.Committed:
		return after == run.Expiring
	case run.Expiring:
		return after == run.Expired
	case run.Cancelled:
		return after == run.Quarantined
	case run.Failed:
		return true
	default:
		return after > before
	}
}
