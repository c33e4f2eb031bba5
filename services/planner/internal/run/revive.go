package run

import (
	"github.com/customer-exports/exports/pkg/fault"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
)

// Revive lets a run go on that failed because a task was given up: its state becomes the one that its record implies, and
// whatever it waits for is outstanding again. deaths are all that is known to be dead of the run, each with the number of
// times that its task was given up; those that the record missed are noted, so that none of them ends the run again. A
// run whose task was given up because somebody was away goes on anyway, and keeps its state. State RUN_ENDED for a run that
// was committed or cancelled, and QUARANTINED after a row outside the scope, unless the task is to delete its drop or to clear
// up after it, TASK_SETTLED when the run does not wait for the task.
func Revive(r *planv1.Run, taskID string, deaths []*planv1.Failure, act *planv1.Act) error {
	id := r.GetRef().GetRunId()
	for _, death := range deaths {
		if death.GetGivenUpCount() > GivenUp(r, death.GetTaskId()) {
			Fail(r, death)
		}
	}
	switch s := r.GetState(); {
	case Over(r) && taskID == abortID(r), s == Expiring && taskID == expireID(r):
		// The clearing up is left to do, and the run stays as it is.
	case Delivered(r), s == Cancelled:
		return fault.New(fault.State, fault.ReasonRunEnded, "run %s is %s: nothing of it is done any more", id, Word(s))
	case s == Quarantined:
		return fault.New(fault.State, fault.ReasonQuarantined, "run %s met a row outside the scope: nothing of it goes on", id)
	default:
		r.State = standing(r)
	}
	if !waitsFor(r, taskID) {
		return fault.New(fault.State, fault.ReasonTaskSettled, "run %s does not wait for task %s: another attempt has done it", id, taskID)
	}
	Note(r, act)
	return nil
}

// standing is the state of a run that goes on.
func standing(r *planv1.Run) planv1.RunState {
	switch {
	case allReceived(r):
		return Committing
	case isCut(r):
		return Extracting
	default:
		return Measuring
	}
}

func isCut(r *planv1.Run) bool {
	for _, t := range r.GetTables() {
		if len(t.GetParts()) == 0 {
			return false
		}
	}
	return len(r.GetTables()) > 0
}

func waitsFor(r *planv1.Run, taskID string) bool {
	switch taskID {
	case abortID(r):
		return !r.GetUploadsAborted()
	case expireID(r):
		return r.GetState() == Expiring
	}
	for _, t := range Outstanding(r) {
		if t.GetTaskId() == taskID {
			return true
		}
	}
	return false
}

// Forget notes that give-ups of tasks are dead no more, by the number of times for each: a later one must not pass for one of
// them, nor may the task be held for their sake. It says whether the run changed.
func Forget(r *planv1.Run, times map[string]int32) (changed bool) {
	for id, n := range times {
		changed = Recount(r, id, max(0, GivenUp(r, id)-n)) || changed
	}
	return changed
}
