package run

import (
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
)

// Author is how the planner signs what nobody asked it for.
const Author = "planner"

// asOfStep is how finely the source is told an instant.
const asOfStep = time.Millisecond

// maxAhead is how long before its due time a run may be read.
const maxAhead = 24 * time.Hour

// ReExtract makes the record of the run that reads the drop of r once more, under the same revision. The zero asOf means
// the instant of r. State RUN_NOT_ENDED or QUARANTINED when r does not allow it, Invalid for an instant in the future or
// long before the due time. The caller stores it, adds the trace, and learns from the store whether r was followed before.
func ReExtract(r *planv1.Run, asOf time.Time, act *planv1.Act, now time.Time) (*planv1.Run, error) {
	if err := checkAgain(r, asOf, now); err != nil {
		return nil, err
	}
	if asOf.IsZero() {
		asOf = ownAsOf(r)
	}
	return follow(r, asOf, act, now), nil
}

// RePlan makes the record of the run that plans the drop of r anew, under the revision in force. The zero asOf means the
// instant of r or, when that is gone, the earliest known to be there. State PLAN_NOT_STALE when the plan of r still
// serves; otherwise as ReExtract.
func RePlan(r *planv1.Run, inForce *configv1.Revision, asOf time.Time, act *planv1.Act, now time.Time) (*planv1.Run, error) {
	if err := checkAgain(r, asOf, now); err != nil {
		return nil, err
	}
	if !Lost(r) && r.GetRef().GetRevision() == inForce.GetRevision() {
		return nil, fault.New(fault.State, fault.ReasonPlanNotStale, "run %s follows revision %d, which is in force, and did not fail for its as-of time: use ReExtract",
			r.GetRef().GetRunId(), inForce.GetRevision())
	}
	switch {
	case !asOf.IsZero():
	case Lost(r):
		asOf = earliest(r, now)
	default:
		asOf = ownAsOf(r)
	}
	next := follow(r, asOf, act, now)
	next.Replanned, next.Ref.Revision, next.Tables = true, inForce.GetRevision(), unmeasured(inForce)
	return next, nil
}

// Recover makes the record of the run that the planner puts in the place of one whose due time the source no longer holds.
// There is none for any other run, nor for one that reads another instant already: that was chosen, by somebody or by us.
func Recover(r *planv1.Run, now time.Time) (next *planv1.Run, found bool) {
	if !Lost(r) || r.GetAsOfReplanned() || !ownAsOf(r).Equal(r.GetRef().GetDueTime().AsTime()) {
		return nil, false
	}
	next = follow(r, earliest(r, now), &planv1.Act{
		Method: "RePlan", Author: Author, Reason: "the source no longer holds the as-of time", ActTime: timestamppb.New(now),
	}, now)
	next.Replanned = true
	return next, true
}

// Lost says that a run failed because the source no longer holds its as-of time.
func Lost(r *planv1.Run) bool {
	if r.GetState() != Failed {
		return false
	}
	for _, f := range r.GetFailures() {
		if asOfGone(f) {
			return true
		}
	}
	return false
}

func asOfGone(f *planv1.Failure) bool {
	return f.GetReason() == string(fault.ReasonSourceAsOfGone) && !f.GetWillRetry()
}

// earliest is the first instant that the source holds, as far as it was told, or else now. It is never rounded down: the
// source would not hold it then.
func earliest(r *planv1.Run, now time.Time) time.Time {
	var at time.Time
	for _, f := range r.GetFailures() {
		if t := f.GetEarliestAsOfTime(); t != nil && asOfGone(f) && t.AsTime().After(at) {
			at = t.AsTime()
		}
	}
	if at = at.Add(asOfStep - 1).Truncate(asOfStep); !at.After(ownAsOf(r)) || at.After(now) {
		return now
	}
	return at
}

func ownAsOf(r *planv1.Run) time.Time { return r.GetRef().GetAsOfTime().AsTime() }

func checkAgain(r *planv1.Run, asOf, now time.Time) error {
	id, due := r.GetRef().GetRunId(), r.GetRef().GetDueTime().AsTime()
	switch s := r.GetState(); {
	case !Ended(r):
		return fault.New(fault.State, fault.ReasonRunNotEnded, "run %s is %s: wait for its end, or cancel it", id, Word(s))
	case s == Quarantined:
		return fault.New(fault.State, fault.ReasonQuarantined, "run %s met a row outside the scope: nothing more is read for its date", id)
	case asOf.IsZero():
		return nil
	case asOf.After(now):
		return invalid("as_of_time %s lies in the future", asOf.UTC().Format(time.RFC3339))
	case asOf.Before(due.Add(-maxAhead)):
		return invalid("as_of_time %s is more than a day before the due time %s", asOf.UTC().Format(time.RFC3339), due.Format(time.RFC3339))
	}
	return nil
}

// follow is a run of the same date as r, not measured yet.
func follow(r *planv1.Run, asOf time.Time, act *planv1.Act, now time.Time) *planv1.Run {
	asOf = asOf.Truncate(asOfStep)
	ref := proto.CloneOf(r.GetRef())
	ref.RunId, ref.AsOfTime = NextID(ref.GetRunId()), timestamppb.New(asOf)
	next := &planv1.Run{
		Ref: ref, State: Measuring, DeadlineTime: r.GetDeadlineTime(), SupersedesRunId: r.GetRef().GetRunId(),
		AsOfReplanned: (Lost(r) || r.GetAsOfReplanned()) && !asOf.Equal(ref.GetDueTime().AsTime()),
		CreateTime:    timestamppb.New(now), UpdateTime: timestamppb.New(now),
	}
	for _, t := range r.GetTables() {
		next.Tables = append(next.Tables, &planv1.TableProgress{Table: t.GetTable()})
	}
	Note(next, act)
	return next
}
