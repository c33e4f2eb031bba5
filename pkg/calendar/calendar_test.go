package calendar

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

func mustRead(t testing.TB, m *configv1.Schedule) Schedule {
	t.Helper()
	s, err := FromProto(m)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustParse(t testing.TB, timeOfDay, zone string) Schedule {
	t.Helper()
	return mustRead(t, &configv1.Schedule{TimeOfDay: timeOfDay, TimeZone: zone})
}

func mustDate(t testing.TB, text string) Date {
	t.Helper()
	d, err := ParseDate(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDue(t *testing.T) {
	for _, test := range []struct{ name, timeOfDay, zone, date, want string }{
		{"ordinary", "02:30", "Europe/Berlin", "2026-11-23", "2026-11-23T01:30:00Z"},
		{"UTC", "00:00", "UTC", "2026-11-23", "2026-11-23T00:00:00Z"},
		{"spring gap ends", "02:30", "Europe/Berlin", "2027-03-28", "2027-03-28T01:00:00Z"},
		{"just before the gap", "01:59", "Europe/Berlin", "2027-03-28", "2027-03-28T00:59:00Z"},
		{"first pass of the overlap", "02:30", "Europe/Berlin", "2027-10-31", "2027-10-31T00:30:00Z"},
		{"end of the overlap", "03:00", "Europe/Berlin", "2027-10-31", "2027-10-31T02:00:00Z"},
		{"half-hour gap", "02:15", "Australia/Lord_Howe", "2026-10-04", "2026-10-03T15:30:00Z"},
		{"half-hour overlap", "01:45", "Australia/Lord_Howe", "2027-04-04", "2027-04-03T14:45:00Z"},
		{"midnight gap", "00:30", "America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z"},
		{"midnight overlap", "23:30", "America/Sao_Paulo", "2018-02-17", "2018-02-18T01:30:00Z"},
		{"midnight after the overlap", "00:00", "America/Sao_Paulo", "2018-02-18", "2018-02-18T03:00:00Z"},
		{"quarter-hour offset", "06:00", "Asia/Kathmandu", "2026-11-23", "2026-11-23T00:15:00Z"},
		{"offset moved at midnight", "00:05", "Asia/Kathmandu", "1986-01-01", "1985-12-31T18:30:00Z"},
		{"clock goes back for Ramadan", "02:30", "Africa/Casablanca", "2026-02-15", "2026-02-15T01:30:00Z"},
		{"clock goes on after Ramadan", "02:30", "Africa/Casablanca", "2026-03-22", "2026-03-22T02:00:00Z"},
		{"before a date left out by its zone", "23:59", "Pacific/Apia", "2011-12-29", "2011-12-30T09:59:00Z"},
		{"after a date left out by its zone", "00:00", "Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z"},
		{"last day of a leap year beyond the zone's table", "23:30", "Europe/Berlin", "2040-12-31", "2040-12-31T22:30:00Z"},
		{"first day after it", "00:30", "America/New_York", "2041-01-01", "2041-01-01T05:30:00Z"},
		{"gap across midnight", "23:45", "America/Toronto", "1919-03-30", "1919-03-31T04:30:00Z"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, d := mustParse(t, test.timeOfDay, test.zone), mustDate(t, test.date)
			due := s.Due(d)
			if got := due.Format(time.RFC3339); got != test.want {
				t.Errorf("Due(%s %s %s) = %s, want %s", d, test.timeOfDay, test.zone, got, test.want)
			}
			if !s.Scheduled(d) {
				t.Errorf("%s has no run", d)
			}
			if got := s.DateOf(due); got != d {
				t.Errorf("DateOf(%s) = %s, want %s", due, got, d)
			}
		})
	}
}

// TestDateLeftOutByItsZone asks a planner in Apia at the first instant of the 31st, which followed the 29th.
func TestDateLeftOutByItsZone(t *testing.T) {
	now := time.Date(2011, 12, 30, 10, 0, 0, 0, time.UTC)
	for timeOfDay, want := range map[string]string{"00:00": "2011-12-31", "12:00": "2011-12-29"} {
		s := mustParse(t, timeOfDay, "Pacific/Apia")
		if s.Scheduled(mustDate(t, "2011-12-30")) {
			t.Errorf("at %s there is a run for a date that nobody lived", timeOfDay)
		}
		if d, _ := s.LatestDue(now); d.String() != want {
			t.Errorf("LatestDue at %s = %s, want %s", timeOfDay, d, want)
		}
	}
}

// TestClockSetBackAcrossMidnight looks at a date that is over its due time while the clock shows the date before again.
func TestClockSetBackAcrossMidnight(t *testing.T) {
	s := mustParse(t, "00:00", "America/St_Johns")
	now := time.Date(2006, 10, 29, 2, 45, 0, 0, time.UTC)
	if local := LocalDate(now.In(s.Zone)).String(); local != "2006-10-28" {
		t.Fatalf("the clock shows %s, the case is not met", local)
	}
	if d, due := s.LatestDue(now); d.String() != "2006-10-29" || !due.Equal(now.Add(-15*time.Minute)) {
		t.Errorf("LatestDue = %s, %s, want 2006-10-29, 15 minutes ago", d, due)
	}
}

func TestFromProtoRefuses(t *testing.T) {
	timed := func(timeOfDay string, weekdays ...configv1.Weekday) *configv1.Schedule {
		return &configv1.Schedule{TimeOfDay: timeOfDay, TimeZone: "UTC", Weekdays: weekdays}
	}
	zoned := func(zone string) *configv1.Schedule { return &configv1.Schedule{TimeOfDay: "02:00", TimeZone: zone} }
	for _, test := range []struct {
		schedule *configv1.Schedule
		field    string
		reason   fault.Reason
	}{
		{timed("2:00"), "time_of_day", fault.ReasonValidation},
		{timed("24:00"), "time_of_day", fault.ReasonValidation},
		{timed("02:60"), "time_of_day", fault.ReasonValidation},
		{timed("02:00:00"), "time_of_day", fault.ReasonValidation},
		{timed(""), "time_of_day", fault.ReasonValidation},
		{timed("02:00", 0), "weekdays[0]", fault.ReasonValidation},
		{timed("02:00", 7, 8), "weekdays[1]", fault.ReasonValidation},
		{timed("02:00", 7, 1, 7), "weekdays[2]", fault.ReasonValidation},
		{zoned(""), "time_zone", fault.ReasonUnknownTimeZone},
		{zoned("Local"), "time_zone", fault.ReasonUnknownTimeZone},
		{zoned("CET"), "time_zone", fault.ReasonUnknownTimeZone},
		{zoned("EST5EDT"), "time_zone", fault.ReasonUnknownTimeZone},
		{zoned("+02:00"), "time_zone", fault.ReasonUnknownTimeZone},
		{zoned("UTC+2"), "time_zone", fault.ReasonUnknownTimeZone},
		{zoned("Etc/GMT-2"), "time_zone", fault.ReasonUnknownTimeZone},
		{zoned("posix/Europe/Berlin"), "time_zone", fault.ReasonUnknownTimeZone},
		{zoned("Europe/Atlantis"), "time_zone", fault.ReasonUnknownTimeZone},
		{zoned("Europe/../Europe/Berlin"), "time_zone", fault.ReasonUnknownTimeZone},
		{zoned("Europe/"), "time_zone", fault.ReasonUnknownTimeZone},
	} {
		_, err := FromProto(test.schedule)
		refused, ok := fault.Of(err)
		if !ok || refused.Kind != fault.Invalid || refused.Reason != test.reason || len(refused.Violations) != 1 || refused.Violations[0].Field != test.field {
			t.Errorf("FromProto(%v) = %v, want an invalid %s for %s", test.schedule, err, test.field, test.reason)
		}
	}
}

func TestEveryFaultAtOnce(t *testing.T) {
	_, err := FromProto(&configv1.Schedule{
		TimeOfDay: "2am", Cron: "@daily", TimeZone: "CET", Weekdays: []configv1.Weekday{configv1.Weekday_WEEKDAY_MONDAY},
	})
	refused, _ := fault.Of(err)
	if refused == nil {
		t.Fatal("everything wrong at once is taken")
	}
	var got []string
	for _, v := range refused.Violations {
		got = append(got, v.Field)
	}
	if diff := cmp.Diff([]string{"cron", "time_of_day", "weekdays", "time_zone"}, got); diff != "" || refused.Reason != fault.ReasonValidation {
		t.Errorf("reason %s, fields (-want +got):\n%s", refused.Reason, diff)
	}
}

func TestMissingZoneData(t *testing.T) {
	gone := func(string) (*time.Location, error) { return nil, errors.New("no such file") }
	if _, err := fromProto(&configv1.Schedule{TimeOfDay: "02:00", TimeZone: "Asia/Kathmandu"}, gone); fault.KindOf(err) != fault.State {
		t.Errorf("fromProto without zone data = %v, want a fault of kind STATE", err)
	}
	if err := checkZones(gone); fault.KindOf(err) != fault.State {
		t.Errorf("checkZones without zone data = %v, want a fault of kind STATE", err)
	}
	if err := CheckZones(); err != nil {
		t.Errorf("CheckZones on this machine = %v", err)
	}
}

func TestParseDateRefuses(t *testing.T) {
	for _, text := range []string{"", "2026-11-31", "2026-1-1", "20261123", "2026-11-23T00:00:00Z", "0000-01-01", "2027-02-29"} {
		if d, err := ParseDate(text); fault.KindOf(err) != fault.Invalid {
			t.Errorf("ParseDate(%q) = %s, %v, want an invalid date", text, d, err)
		}
	}
}

func TestParseRunID(t *testing.T) {
	d, extraction, err := ParseRunID("acme-daily", "acme-daily-20260103-2")
	if err != nil || d != mustDate(t, "2026-01-03") || extraction != 2 {
		t.Errorf("got %s, %d, %v", d, extraction, err)
	}
	for _, id := range []string{
		"", "acme-daily", "acme-daily-20260103", "acme-daily-20260103-0", "acme-daily-20260103-02", "acme-daily-20260103-2-1", "acme-daily-20260103-2/",
		"acme-daily-20260231-1", "acme-20260103-2", "20260103-2", "acme-daily-acme-daily-20260103-2",
	} {
		if _, _, err := ParseRunID("acme-daily", id); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: got %v, want a fault of kind Invalid", id, err)
		}
	}
}

func TestRunID(t *testing.T) {
	if diff := cmp.Diff("acme-daily-20260103-2", RunID("acme-daily", mustDate(t, "2026-01-03"), 2)); diff != "" {
		t.Errorf("RunID (-want +got):\n%s", diff)
	}
}
