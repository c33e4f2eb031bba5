package run

import (
	"fmt"
	"time"

	"github.com/customer-exports/exports/pkg/calendar"
	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
)

// maxDates is how many dates one backfill may have; the contract of RunService.
const maxDates = 400

// What becomes of a date, by its short name.
const (
	planned    = planv1.BackfillOutcome_BACKFILL_OUTCOME_PLANNED
	exists     = planv1.BackfillOutcome_BACKFILL_OUTCOME_EXISTS
	notOwed    = planv1.BackfillOutcome_BACKFILL_OUTCOME_NOT_OWED
	sourceGone = planv1.BackfillOutcome_BACKFILL_OUTCOME_SOURCE_GONE
)

// Backfill is what is to become of each date of a range.
type Backfill struct {
	Dates []*planv1.BackfillDate
	// Runs are the records of the dates that are planned, oldest first.
	Runs []*planv1.Run
}

// Maker gives the revision by which a drop is made.
type Maker func(Expectation) (*configv1.Revision, error)

// Between lists the dates from one to the other, both YYYY-MM-DD and both included. Invalid for what is no date or no
// range, or is too long; State NOT_DUE when it reaches beyond today in the export's zone.
func Between(export *configv1.Export, from, to string, now time.Time) ([]calendar.Date, error) {
	first, err := calendar.ParseDate(from)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, fault.ReasonValidation, "from_date %q is not a date: write it as YYYY-MM-DD", from)
	}
	last, err := calendar.ParseDate(to)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, fault.ReasonValidation, "to_date %q is not a date: write it as YYYY-MM-DD", to)
	}
	if last.Before(first) {
		return nil, invalid("from_date %s lies after to_date %s", first, last)
	}
	if err := checkPast(export, last, now); err != nil {
		return nil, err
	}
	var dates []calendar.Date
	for d := first; !last.Before(d); d = d.Next() {
		if dates = append(dates, d); len(dates) > maxDates {
			return nil, invalid("%s to %s are more than %d dates: ask for fewer at once", first, last, maxDates)
		}
	}
	return dates, nil
}

func checkPast(export *configv1.Export, last calendar.Date, now time.Time) error {
	zone, err := time.LoadLocation(export.GetRevision().GetSpec().GetSchedule().GetTimeZone())
	if err != nil {
		return fmt.Errorf("reading the time zone of export %s: %w", export.GetExportId(), err)
	}
	today, err := calendar.ParseDate(now.In(zone).Format(time.DateOnly))
	if err != nil {
		return err
	}
	if today.Before(last) {
		return fault.New(fault.State, fault.ReasonNotDue, "to_date %s lies in the future: today is %s in %s", last, today, zone)
	}
	return nil
}

// Add decides about the next date; newest is the newest run that it has, or empty. made gives the revision that makes a
// drop. A fault that does not concern this date alone is returned.
func (b *Backfill) Add(export *configv1.Export, date calendar.Date, newest string, made Maker, act *planv1.Act, now time.Time) error {
	decided := &planv1.BackfillDate{ExportDate: date.String(), Outcome: exists, RunId: newest}
	b.Dates = append(b.Dates, decided)
	if newest != "" {
		return nil
	}
	e, err := Expect(export, date, now)
	if refusal, refused := fault.Of(err); refused && refusal.Kind == fault.State {
		decided.Outcome, decided.Reason, decided.Message = notOwed, string(refusal.Reason), refusal.Message
		return nil
	}
	if err != nil {
		return err
	}
	revision, err := made(e)
	if err != nil {
		return err
	}
	r := New(e, revision, now)
	Note(r, act)
	decided.Outcome, decided.RunId = planned, r.GetRef().GetRunId()
	b.Runs = append(b.Runs, r)
	return nil
}

// Drop takes out the runs that would read before the instant from which the source holds their tables. held gives that
// instant by the tables of a run; the zero time drops nothing.
func (b *Backfill) Drop(held func(r *planv1.Run) time.Time) {
	var left []*planv1.Run
	gone := map[string]time.Time{}
	for _, r := range b.Runs {
		if from := held(r); ownAsOf(r).Before(from) {
			gone[r.GetRef().GetRunId()] = from
		} else {
			left = append(left, r)
		}
	}
	b.Runs = left
	for _, d := range b.Dates {
		if from, found := gone[d.GetRunId()]; found {
			d.Outcome, d.RunId, d.Reason = sourceGone, "", string(fault.ReasonSourceAsOfGone)
			d.Message = "the source holds nothing before " + from.UTC().Format(time.RFC3339)
		}
	}
}

// Answer counts what became of the dates.
func (b *Backfill) Answer() *planv1.BackfillResponse {
	a := &planv1.BackfillResponse{Dates: b.Dates}
	for _, d := range b.Dates {
		switch d.GetOutcome() {
		case planned:
			a.PlannedCount++
		case exists:
			a.ExistingCount++
		case sourceGone:
			a.SourceGoneCount++
		default:
			a.NotOwedCount++
		}
	}
	return a
}
