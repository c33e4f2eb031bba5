package run

import (
	"cmp"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/customer-exports/exports/pkg/fault"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
)

// Resend makes the record of the run that delivers the files of r once more. It is cut and measured as r was, so that only
// the files are left to copy. State NOT_COMMITTED when r ended without a drop; otherwise as ReExtract.
func Resend(r *planv1.Run, act *planv1.Act, now time.Time) (*planv1.Run, error) {
	if err := checkAgain(r, time.Time{}, now); err != nil {
		return nil, err
	}
	if id, s := r.GetRef().GetRunId(), r.GetState(); s != Committed {
		return nil, fault.New(fault.State, fault.ReasonNotCommitted, "run %s is %s and has no drop to send once more: use ReExtract", id, Word(s))
	}
	next := follow(r, ownAsOf(r), act, now)
	next.State, next.ResendsRunId = Extracting, cmp.Or(r.GetResendsRunId(), r.GetRef().GetRunId())
	for i, t := range r.GetTables() {
		next.Tables[i].MeasuredRowCount, next.Tables[i].Parts = t.GetMeasuredRowCount(), unreceived(t.GetParts())
	}
	return next, nil
}

// Resends says that the files of a run are those of another one.
func Resends(r *planv1.Run) bool { return r.GetResendsRunId() != "" }

// unreceived are the same parts, still to be had.
func unreceived(parts []*planv1.PartProgress) (same []*planv1.PartProgress) {
	for _, p := range parts {
		same = append(same, &planv1.PartProgress{
			PartIndex: p.GetPartIndex(), Range: proto.CloneOf(p.GetRange()), MeasuredRowCount: p.GetMeasuredRowCount(),
		})
	}
	return same
}
