package run

import (
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/calendar"
	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
)

// maxListedParts is how many parts of a table a preview lists; the contract of planv1.TablePlan.
const maxListedParts = 50

// Suppose gives an export as if one revision had always been in force: the one that is, or the one that awaits approval.
// Zero means the export as it is, or the latter when nothing is in force. NotFound for any other.
func Suppose(export *configv1.Export, revision int64) (supposed *configv1.Export, unapproved bool, err error) {
	inForce, pending := export.GetRevision(), export.GetPendingRevision()
	switch {
	case inForce != nil && revision == 0:
		return export, false, nil
	case inForce != nil && revision == inForce.GetRevision():
		return always(export, inForce), false, nil
	case pending != nil && (revision == 0 || revision == pending.GetRevision()):
		return always(export, pending), true, nil
	case revision == 0:
		return nil, false, fault.New(fault.State, fault.ReasonNotApproved, "export %s has no revision in force, and none awaits approval", export.GetExportId())
	default:
		return nil, false, fault.New(fault.NotFound, fault.ReasonNotFound, "revision %d of export %s is neither in force nor awaits approval",
			revision, export.GetExportId())
	}
}

// always has a revision in force since before any date.
func always(export *configv1.Export, revision *configv1.Revision) *configv1.Export {
	supposed := proto.CloneOf(export)
	supposed.Revision = revision
	supposed.Terms = []*configv1.Term{{Revision: revision.GetRevision(), EffectiveTime: timestamppb.New(time.Unix(0, 0)), Owed: true}}
	return supposed
}

const (
	// A local date begins at most so long before that date in UTC, and lasts at most so long in all.
	earliestZone = 15 * time.Hour
	longestDate  = 60 * time.Hour
	// foresight is how exactly a due time is looked for.
	foresight = time.Hour
)

// Foresee is the drop of one date, also of one that is not due yet: as Expect will say once it is.
func Foresee(export *configv1.Export, date calendar.Date, now time.Time) (Expectation, error) {
	e, err := Expect(export, date, now)
	midnight, _ := time.Parse(time.DateOnly, date.String()) // a date always has this form
	begin := midnight.Add(-earliestZone)
	for at := begin; fault.ReasonOf(err) == fault.ReasonNotDue && at.Before(begin.Add(longestDate)); at = at.Add(foresight) {
		if at.After(now) {
			e, err = Expect(export, date, at)
		}
	}
	return e, err
}

// Preview sums up what was planned for a run that is measured but will not be done.
func Preview(r *planv1.Run) *planv1.Preview {
	preview := &planv1.Preview{Ref: r.GetRef(), DeadlineTime: r.GetDeadlineTime()}
	for _, t := range r.GetTables() {
		table := &planv1.TablePlan{Table: t.GetTable(), RowCount: t.GetMeasuredRowCount(), PartCount: int32(len(t.GetParts()))} //nolint:gosec // at most maxParts
		for _, p := range t.GetParts()[:min(len(t.GetParts()), maxListedParts)] {
			table.Parts = append(table.Parts, &planv1.PartPlan{PartIndex: p.GetPartIndex(), Range: p.GetRange(), RowCount: p.GetMeasuredRowCount()})
		}
		preview.Tables = append(preview.Tables, table)
		preview.PartCount += table.GetPartCount()
		preview.RowCount += table.GetRowCount()
	}
	return preview
}
