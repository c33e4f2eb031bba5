package run

import (
	"github.com/customer-exports/exports/pkg/fault"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
)

// maxActs is how many acts a record keeps; the contract of planv1.Run.
const maxActs = 20

// Note keeps with a run what was asked of it.
func Note(r *planv1.Run, act *planv1.Act) {
	r.Acts = append(r.GetActs(), act)
	if excess := len(r.Acts) - maxActs; excess > 0 {
		r.Acts = r.Acts[excess:]
	}
}

// Cancel ends a run before its commit. It says whether the run changed: one that was cancelled before does not. State
// COMMIT_BEGUN while the drop is being made visible, RUN_ENDED afterwards.
func Cancel(r *planv1.Run, act *planv1.Act) (bool, error) {
	id := r.GetRef().GetRunId()
	switch s := r.GetState(); s {
	case Measuring, Extracting:
		r.State = Cancelled
		Note(r, act)
		return true, nil
	case Cancelled:
		return false, nil
	case Committing:
		return false, fault.New(fault.State, fault.ReasonCommitBegun, "run %s is being committed: that cannot be called back", id)
	default:
		return false, fault.New(fault.State, fault.ReasonRunEnded, "run %s is %s: nothing is left to cancel", id, Word(s))
	}
}

// CheckWanted refuses with State NOT_ACTIVE to go on with a task of a run that has ended.
func CheckWanted(r *planv1.Run) error {
	if !Ended(r) {
		return nil
	}
	return fault.New(fault.State, fault.ReasonNotActive, "run %s is %s: nothing of it is left to do", r.GetRef().GetRunId(), Word(r.GetState()))
}

// Over says that a run has ended without a drop and cannot go on, whoever asks: its uploads are of no use to anybody.
func Over(r *planv1.Run) bool { return r.GetState() == Cancelled || r.GetState() == Quarantined }

// Abort notes that no upload of a run that is over is left. It says whether the run changed. Invalid for any other run.
func Abort(r *planv1.Run) (bool, error) {
	switch {
	case !Over(r):
		return false, invalid("run %s is %s, neither cancelled nor quarantined: its uploads stay", r.GetRef().GetRunId(), Word(r.GetState()))
	case r.GetUploadsAborted():
		return false, nil
	}
	r.UploadsAborted = true
	return true, nil
}

// Stray notes that a worker finished a part of a run after its uploads had been aborted: one is left again. It
// says whether the run changed.
func Stray(r *planv1.Run) bool {
	stray := Over(r) && r.GetUploadsAborted()
	if stray {
		r.UploadsAborted = false
	}
	return stray
}
