package run

import (
	"fmt"
	"slices"
	"time"

	"github.com/customer-exports/exports/pkg/calendar"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/term"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

// What an export means that leaves these unset; the contract of exports.config.v1.ExportSpec.
const (
	standardDeadline  = 24 * time.Hour
	standardRetention = 30 * 24 * time.Hour
)

// Expectation is one drop that is owed.
type Expectation struct {
	Export        *configv1.Export
	Date          calendar.Date
	Due, Deadline time.Time
}

// RunID is the id of the run that delivers it.
func (e Expectation) RunID() string { return calendar.RunID(e.Export.GetExportId(), e.Date, 1) }

// Owed lists the drops of an export whose due time has come, newest first, as far back as a drop would still be kept. What
// fell due while the export was paused or archived is not owed, nor is anything before its first approval.
func Owed(export *configv1.Export, now time.Time) ([]Expectation, error) {
	if len(export.GetTerms()) == 0 {
		return nil, nil
	}
	a, err := agreed(export)
	if err != nil {
		return nil, err
	}
	var owed []Expectation
	date, due := a.schedule.LatestDue(now)
	for !a.before(date, due) && due.After(now.Add(-a.retention)) {
		if term.Owed(export.GetTerms(), due) {
			owed = append(owed, a.expect(export, date, due))
		}
		date = date.Prev()
		due = a.schedule.Due(date)
	}
	return owed, nil
}

// Expect is the drop of one date. State NOT_DUE when its due time lies ahead of now or before the export's start,
// NOT_APPROVED before the first approval, and NOT_ACTIVE when the export was paused or archived then.
func Expect(export *configv1.Export, date calendar.Date, now time.Time) (Expectation, error) {
	if len(export.GetTerms()) == 0 {
		return Expectation{}, fault.New(fault.State, fault.ReasonNotApproved, "export %s has no approved revision yet", export.GetExportId())
	}
	a, err := agreed(export)
	if err != nil {
		return Expectation{}, err
	}
	due := a.schedule.Due(date)
	if due.After(now) {
		return Expectation{}, fault.New(fault.State, fault.ReasonNotDue, "the run of export %s for %s is not due before %s",
			export.GetExportId(), date, due.UTC().Format(time.RFC3339))
	}
	if a.before(date, due) {
		return Expectation{}, fault.New(fault.State, fault.ReasonNotDue, "no drop of export %s is owed for %s: it lies before the start of the export",
			export.GetExportId(), date)
	}
	if !term.Owed(export.GetTerms(), due) {
		return Expectation{}, fault.New(fault.State, fault.ReasonNotActive, "no drop of export %s is owed for %s: the export was paused or archived when it fell due",
			export.GetExportId(), date)
	}
	return a.expect(export, date, due), nil
}

// Urgent sorts expectations by deadline, oldest first.
func Urgent(all []Expectation) {
	slices.SortStableFunc(all, func(a, b Expectation) int { return a.Deadline.Compare(b.Deadline) })
}

// agreement is what decides over due times.
type agreement struct {
	schedule         calendar.Schedule
	start            calendar.Date // zero: the first due time after approved
	approved         time.Time
	grace, retention time.Duration
}

func agreed(export *configv1.Export) (agreement, error) {
	spec := export.GetRevision().GetSpec()
	schedule, err := calendar.FromProto(spec.GetSchedule())
	if err != nil {
		return agreement{}, fmt.Errorf("reading the schedule of export %s: %w", export.GetExportId(), err)
	}
	a := agreement{
		schedule: schedule, approved: export.GetTerms()[0].GetEffectiveTime().AsTime(), grace: standardDeadline, retention: standardRetention,
	}
	if spec.GetDeadline() != nil {
		a.grace = spec.GetDeadline().AsDuration()
	}
	if spec.GetRetentionDays() > 0 {
		a.retention = time.Duration(spec.GetRetentionDays()) * 24 * time.Hour
	}
	if spec.GetStartDate() != "" {
		if a.start, err = calendar.ParseDate(spec.GetStartDate()); err != nil {
			return agreement{}, fmt.Errorf("reading the start date of export %s: %w", export.GetExportId(), err)
		}
	}
	return a, nil
}

// before says that a date lies ahead of the first one owed.
func (a agreement) before(date calendar.Date, due time.Time) bool {
	if a.start != (calendar.Date{}) {
		return date.Before(a.start)
	}
	return due.Before(a.approved)
}

func (a agreement) expect(export *configv1.Export, date calendar.Date, due time.Time) Expectation {
	return Expectation{Export: export, Date: date, Due: due, Deadline: due.Add(a.grace)}
}
