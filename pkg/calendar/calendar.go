// Package calendar owns one judgement: when the run of an export date is due. It is a pure function of time of day, IANA
// zone and date, shared by planner and SLA monitor, so both derive the same runs without asking each other. It holds no
// timers and never reads the clock; it refuses zones that are not IANA names and machines without zone data. Start at
// Parse, then Schedule.Due.
package calendar

import (
	"time"

	"github.com/customer-exports/exports/pkg/fault"
)

// Schedule is one due time on each local date. Make it with Parse: the zero Schedule has no zone and panics.
type Schedule struct {
	// TimeOfDay is local, HH:MM, 24 hours.
	TimeOfDay string
	Zone      *time.Location

	hour, minute int
}

// Parse reads a time of day (HH:MM) and an IANA zone (Area/City or UTC). The error is a fault: Invalid for a bad value,
// State when this machine has no zone data.
func Parse(timeOfDay, zone string) (Schedule, error) {
	return parse(timeOfDay, zone, time.LoadLocation)
}

func parse(timeOfDay, zone string, load loader) (Schedule, error) {
	clock, err := time.Parse("15:04", timeOfDay)
	// time.Parse takes 2:00 for 02:00; one spelling is enough.
	if err != nil || clock.Format("15:04") != timeOfDay {
		return Schedule{}, fault.New(fault.Invalid, fault.ReasonValidation, "time of day %q is not HH:MM, such as 02:00", timeOfDay)
	}
	location, err := loadZone(zone, load)
	if err != nil {
		return Schedule{}, err
	}
	return Schedule{TimeOfDay: timeOfDay, Zone: location, hour: clock.Hour(), minute: clock.Minute()}, nil
}

// Due returns the instant, in UTC, at which the run of export date d is due: the first instant at which the zone's clock
// shows the time of day of d, or a later one. In a gap of the clock that is the end of the gap; in an overlap the first
// pass. A date that the zone left out whole (Pacific/Apia, 2011-12-30) is due at the end of that gap.
func (s Schedule) Due(d Date) time.Time {
	wanted := time.Date(d.year, d.month, d.day, s.hour, s.minute, 0, 0, time.UTC)
	// No zone is 26 hours ahead of UTC, so the clock shows less than wanted here.
	at := wanted.Add(-26 * time.Hour)
	for {
		local := at.In(s.Zone)
		_, offset := local.Zone()
		_, end := local.ZoneBounds()
		due := wanted.Add(-time.Duration(offset) * time.Second)
		if due.Before(at) {
			due = at // the clock jumped over wanted when this offset began
		}
		if end.IsZero() || due.Before(end) {
			return due
		}
		at = end.UTC()
	}
}

// DateOf is the inverse of Due: the export date of a due time. Of two dates that share one due time it returns the later;
// for an instant that is no due time, the zone's local date.
func (s Schedule) DateOf(due time.Time) Date {
	local := localDate(due.In(s.Zone))
	for _, d := range []Date{local.Next(), local, local.Prev(), local.Prev().Prev()} {
		if s.Due(d).Equal(due) {
			return d
		}
	}
	return local
}

// LatestDue returns the newest export date whose due time is not after now, and that due time in UTC.
func (s Schedule) LatestDue(now time.Time) (Date, time.Time) {
	// The next date can be due already: a clock set back across midnight shows the old date again.
	d := localDate(now.In(s.Zone)).Next()
	due := s.Due(d)
	for due.After(now) {
		d = d.Prev()
		due = s.Due(d)
	}
	return d, due
}
