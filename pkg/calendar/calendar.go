// Package calendar owns one judgement: on which export dates an export has a run, and when it is due. It is a pure function
// of schedule, IANA zone and date, shared by planner and SLA monitor, so both derive the same runs without asking each
// other. It holds no timers and never reads the clock; it refuses zones that are not IANA names, machines without zone data,
// and whatever would be due twice on one date.
//
// The export date is the local date of the due time in the schedule's zone, and each local date has one due time at most:
//
//	the clock jumps over the due time   the first instant after the gap: 02:30 in Berlin's spring night is due at 03:00
//	the clock shows the due time twice  the first of the two: the second 02:30 of the autumn night is nothing
//	the gap reaches past midnight       the first instant after it still, which shows the next date (Toronto, 1919)
//	the zone left the date out whole    no run: nobody lived that date (Pacific/Apia, 2011-12-30)
//
// Start at FromProto, then Schedule.Scheduled and Schedule.Due.
package calendar

import (
	"time"

	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

// Schedule is a due time on each local date that it includes. Make it with FromProto: the zero Schedule has no zone and
// panics. It is immutable.
type Schedule struct {
	Zone *time.Location

	hour, minute int
	days         days
}

// FromProto reads a schedule in either of its forms. The error is a fault: Invalid with a violation for each field that is
// wrong, named as in the message, or State when this machine has no zone data.
func FromProto(m *configv1.Schedule) (Schedule, error) { return fromProto(m, time.LoadLocation) }

func fromProto(m *configv1.Schedule, load loader) (Schedule, error) {
	s, violations := read(m)
	reason := fault.ReasonValidation
	location, err := loadZone(m.GetTimeZone(), load)
	if refused, ok := fault.Of(err); ok && refused.Kind == fault.Invalid {
		if len(violations) == 0 {
			reason = refused.Reason
		}
		violations = append(violations, fault.Violation{Field: "time_zone", Description: refused.Message})
	} else if err != nil {
		return Schedule{}, err
	}
	if len(violations) > 0 {
		err := fault.New(fault.Invalid, reason, "the schedule cannot be kept")
		err.Violations = violations
		return Schedule{}, err
	}
	s.Zone = location
	return s, nil
}

// Scheduled says whether date d has a run.
func (s Schedule) Scheduled(d Date) bool {
	return s.days.include(d) && LocalDate(s.first(d, 0, 0).In(s.Zone)) == d
}

// Due returns the instant, in UTC, at which the run of export date d is due: the first instant at which the zone's clock
// shows the time of day of d, or a later one. Of a date that has no run it is when one would be due.
func (s Schedule) Due(d Date) time.Time { return s.first(d, s.hour, s.minute) }

// first is the first instant at which the zone's clock shows that time of d, or a later one.
func (s Schedule) first(d Date, hour, minute int) time.Time {
	wanted := time.Date(d.year, d.month, d.day, hour, minute, 0, 0, time.UTC)
	at := wanted.Add(-farthest) // the clock shows less than wanted here
	for {
		_, offset := at.In(s.Zone).Zone()
		due := wanted.Add(-time.Duration(offset) * time.Second)
		if due.Before(at) {
			due = at // the clock jumped over wanted when this offset began
		}
		end := s.kept(at)
		if end.IsZero() || due.Before(end) {
			return due
		}
		at = end
	}
}

// kept is until when the zone keeps the offset that it has at that instant, in UTC, or an instant on the way there; zero
// when it keeps it for good.
func (s Schedule) kept(at time.Time) time.Time {
	_, end := at.In(s.Zone).ZoneBounds()
	if !end.IsZero() && !end.After(at) {
		// Beyond the zone's table Go takes a leap year for one of 365 days, and lets its last day end before it begins. Clocks
		// move on the quarter of an hour.
		return at.Truncate(quarter).Add(quarter)
	}
	return end.UTC()
}

const quarter = 15 * time.Minute

// DateOf is the inverse of Due: the export date of a due time. For an instant that is no due time, it is the zone's local
// date.
func (s Schedule) DateOf(due time.Time) Date {
	local := LocalDate(due.In(s.Zone))
	for _, d := range []Date{local.Next(), local, local.Prev()} {
		if s.Scheduled(d) && s.Due(d).Equal(due) {
			return d
		}
	}
	return local
}

// LatestDue returns the newest export date that has a run whose due time is not after now, and that due time in UTC.
func (s Schedule) LatestDue(now time.Time) (Date, time.Time) {
	// The next date can be due already: a clock set back across midnight shows the old date again.
	d := LocalDate(now.In(s.Zone)).Next()
	// It ends within nine years: FromProto refuses what never comes, and the rarest date is 29 February.
	for !s.Scheduled(d) || s.Due(d).After(now) {
		d = d.Prev()
	}
	return d, s.Due(d)
}
