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
	RunID                  string
	Ref                    *taskv1.RunRef
	CommitTime, ExpireTime time.Time
	Widths                 Widths
}

// KeptBy is what a record says of its drop, if that is visible.
func KeptBy(r *planv1.Run) (k Kept, found bool) {
	if r.GetState() != Committed {
		return Kept{}, false
	}
	k = Kept{RunID: r.GetRef().GetRunId(), Ref: r.GetRef(), CommitTime: r.GetCommitTime().AsTime(), Widths: widthsOf(r)}
	if at := r.GetExpireTime(); at != nil {
		k.ExpireTime = at.AsTime()
	}
	return k, true
}

// over says whether the time of a drop has come.
func (k Kept) over(now time.Time) bool { return !k.ExpireTime.IsZero() && !k.ExpireTime.After(now) }

// Due is a drop to be deleted: because another of its date was committed, or, where By is nil, because its time has come.
type Due struct {
	RunID string
	By    *taskv1.RunRef
}

// Handover is how long a drop stays beside the one that took its place, so that a customer who is reading it comes to the end.
const Handover = time.Hour

// Overdue lists the drops to be deleted, oldest export date first. The newest drop of an export stays, however old it
// is, unless the export was archived: its customer has nothing else.
func Overdue(kept []Kept, archived func(exportID string) bool, now time.Time) (due []Due) {
	newest, ofDate := map[string]string{}, map[string]Kept{}
	for _, k := range kept {
		export, date := exportIn(k.RunID), dayIn(k.RunID)
		if newest[export] == "" || NewestFirst(k.RunID, newest[export]) < 0 {
			newest[export] = k.RunID
		}
		if last := ofDate[date].RunID; last == "" || NewestFirst(k.RunID, last) < 0 {
			ofDate[date] = k
		}
	}
	for _, k := range kept {
		export, by := exportIn(k.RunID), ofDate[dayIn(k.RunID)]
		switch {
		case k.over(now) && (newest[export] != k.RunID || archived(export)):
			due = append(due, Due{RunID: k.RunID}) // whatever becomes of the others of its date
		case by.RunID != k.RunID && !by.CommitTime.Add(Handover).After(now):
			due = append(due, Due{RunID: k.RunID, By: by.Ref})
		}
	}
	slices.SortFunc(due, func(a, b Due) int { return NewestFirst(b.RunID, a.RunID) })
	return due
}

// Expire begins to delete a drop that is due. It says whether the run changed: one that is deleted already, or not
// yet to be, does not.
func Expire(r *planv1.Run, by *taskv1.RunRef, now time.Time) bool {
	kept, found := KeptBy(r)
	if !found || by == nil && !kept.over(now) {
		return false
	}
	r.State, r.SupersededBy = Expiring, by
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
	return []*taskv1.Task{{TaskId: expireID(r), Run: r.GetRef(), Work: &taskv1.Task_Expire{Expire: &taskv1.ExpireWork{SupersededBy: r.GetSupersededBy()}}}}
}
