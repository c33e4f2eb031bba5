package calendar

import (
	"fmt"
	"time"

	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

// days are the dates that a schedule names: those of which all three are included. Bit n of a mask stands for n.
type days struct{ ofMonth, months, ofWeek uint64 }

// Masks that leave nothing out.
const (
	everyDayOfMonth = 1<<32 - 1<<1
	everyMonth      = 1<<13 - 1<<1
	everyDayOfWeek  = 1<<7 - 1<<0
)

func (s days) include(d Date) bool {
	weekday := d.midnight().Weekday()
	return s.ofMonth>>d.day&1 == 1 && s.months>>d.month&1 == 1 && s.ofWeek>>weekday&1 == 1
}

// never says that no date is included. A leap year holds every day that a month can have, and each on some weekday; days
// of the month and of the week, which might never meet, are not both restricted.
func (s days) never() bool {
	for d := (Date{2028, time.January, 1}); d.year == 2028; d = d.Next() {
		if s.include(d) {
			return false
		}
	}
	return true
}

// read takes everything but the zone.
func read(m *configv1.Schedule) (Schedule, []fault.Violation) {
	var s Schedule
	var violations []fault.Violation
	add := func(field, problem string) {
		if problem != "" {
			violations = append(violations, fault.Violation{Field: field, Description: problem})
		}
	}
	switch {
	case m.GetCron() == "":
		s.days = days{ofMonth: everyDayOfMonth, months: everyMonth}
		add("time_of_day", s.readTime(m.GetTimeOfDay()))
		for i, w := range m.GetWeekdays() {
			add(fmt.Sprintf("weekdays[%d]", i), s.days.addWeekday(w))
		}
		if len(m.GetWeekdays()) == 0 {
			s.days.ofWeek = everyDayOfWeek
		}
	default:
		add("cron", s.readCron(m.GetCron()))
		if m.GetTimeOfDay() != "" {
			add("time_of_day", "is set beside cron, which says the time too: remove one of the two")
		}
		if len(m.GetWeekdays()) > 0 {
			add("weekdays", "is set beside cron: write the days into cron's fifth field, such as MON-FRI")
		}
	}
	return s, violations
}

func (s *Schedule) readTime(text string) string {
	clock, err := time.Parse("15:04", text)
	// time.Parse takes 2:00 for 02:00; one spelling is enough.
	if err != nil || clock.Format("15:04") != text {
		return fmt.Sprintf("%q is not HH:MM, such as 02:00", text)
	}
	s.hour, s.minute = clock.Hour(), clock.Minute()
	return ""
}

func (s *days) addWeekday(w configv1.Weekday) string {
	if w < configv1.Weekday_WEEKDAY_MONDAY || w > configv1.Weekday_WEEKDAY_SUNDAY {
		return "is not a day of the week, MONDAY to SUNDAY"
	}
	bit := uint64(1) << (w % 7) // Sunday is 7 there and 0 here
	if s.ofWeek&bit != 0 {
		return "is there twice"
	}
	s.ofWeek |= bit
	return ""
}
