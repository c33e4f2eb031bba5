package run

import (
	"slices"
	"time"

	"github.com/customer-exports/exports/pkg/fault"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
)

// Kept is a drop that is visible, and how wide the rows in its files are. The zero ExpireTime means that it is never deleted.
type Kept struct {
	RunID      string
	ExpireTime time.Time
	Widths     Widths
}

// KeptBy is what a record says of its drop, if that is visible.
func KeptBy(r *planv1.Run) (k Kept, found bool) {
	if r.GetState() != Committed {
		return Kept{}, false
	}
	if at := r.GetExpireTime(); at != nil {
		k.ExpireTime = at.AsTime()
	}
	k.RunID, k.Widths = r.GetRef().GetRunId(), widthsOf(r)
	return k, true
}

// Overdue lists the drops whose time has come, oldest export date first. The newest drop of an export stays, however old it
// is, unless the export was archived: its customer has nothing else.
func Overdue(kept []Kept, archived func(exportID string) bool, now time.Time) (ids []string) {
	newest := map[string]string{}
	for _, k := range kept {
		if e := exportIn(k.RunID); newest[e] == "" || NewestFirst(k.RunID, newest[e]) < 0 {
			newest[e] = k.RunID
		}
	}
	for _, k := range kept {
		e := exportIn(k.RunID)
		if !k.ExpireTime.IsZero() && !k.ExpireTime.After(now) && (newest[e] != k.RunID || archived(e)) {
			ids = append(ids, k.RunID)
		}
	}
	slices.SortFunc(ids, func(a, b string) int { return NewestFirst(b, a) })
	return ids
}

// Expire begins to delete a drop whose time has come. It says whether the run changed: one that is deleted already, or not
// yet to be, does not.
func Expire(r *planv1.Run, now time.Time) bool {
	kept, found := KeptBy(r)
	if !found || kept.ExpireTime.IsZero() || kept.ExpireTime.After(now) {
		return false
	}
	r.State = Expiring
	return true
}

// NoteExpired notes that nothing of a drop is left. It says whether the run changed. State NOT_DUE for a run whose drop was
// not to be deleted.
func NoteExpired(r *planv1.Run) (bool, error) {
	switch s := r.GetState(); s {
	case Expired:
		return false, nil
	case Expiring:
		r.State = Expired
		return true, nil
	default:
		return false, fault.New(fault.State, fault.ReasonNotDue, "run %s is %s: its drop is not to be deleted", r.GetRef().GetRunId(), Word(s))
	}
}

// Delivered says that the drop was made visible, whatever became of it since.
func Delivered(r *planv1.Run) bool {
	s := r.GetState()
	return s == Committed || s == Expiring || s == Expired
}

// expiries is the deletion of a drop. When the bucket does not let us, the customer's own rules are left.
func expiries(r *planv1.Run) []*taskv1.Task {
	if refused(r, expireID(r)) {
		return nil
	}
	return []*taskv1.Task{{TaskId: expireID(r), Run: r.GetRef(), Work: &taskv1.Task_Expire{Expire: &taskv1.ExpireWork{}}}}
}
