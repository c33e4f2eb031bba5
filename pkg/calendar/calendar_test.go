package calendar

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/customer-exports/exports/pkg/fault"
)

func mustParse(t testing.TB, timeOfDay, zone string) Schedule {
	t.Helper()
	s, err := Parse(timeOfDay, zone)
	if err != nil {
		t.Fatal(err)
	}
	return s
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
		{"date left out by its zone", "12:00", "Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"},
		{"gap across midnight", "23:45", "America/Toronto", "1919-03-30", "1919-03-31T04:30:00Z"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, d := mustParse(t, test.timeOfDay, test.zone), mustDate(t, test.date)
			due := s.Due(d)
			if got := due.Format(time.RFC3339); got != test.want {
				t.Errorf("Due(%s %s %s) = %s, want %s", d, test.timeOfDay, test.zone, got, test.want)
			}
			if got := s.DateOf(due); got != d {
				t.Errorf("DateOf(%s) = %s, want %s", due, got, d)
			}
		})
	}
}

// TestClockSetBackAcrossMidnight looks at a date that is over its due time while the clock shows the date before again.
func TestClockSetBackAcrossMidnight(t *testing.T) {
	s := mustParse(t, "00:00", "America/St_Johns")
	now := time.Date(2006, 10, 29, 2, 45, 0, 0, time.UTC)
	if local := localDate(now.In(s.Zone)).String(); local != "2006-10-28" {
		t.Fatalf("the clock shows %s, the case is not met", local)
	}
	if d, due := s.LatestDue(now); d.String() != "2006-10-29" || !due.Equal(now.Add(-15*time.Minute)) {
		t.Errorf("LatestDue = %s, %s, want 2006-10-29, 15 minutes ago", d, due)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, test := range []struct {
		timeOfDay, zone string
		want            fault.Reason
	}{
		{"2:00", "Europe/Berlin", fault.ReasonValidation},
		{"24:00", "Europe/Berlin", fault.ReasonValidation},
		{"02:60", "Europe/Berlin", fault.ReasonValidation},
		{"02:00:00", "Europe/Berlin", fault.ReasonValidation},
		{"", "Europe/Berlin", fault.ReasonValidation},
		{"02:00", "", fault.ReasonUnknownTimeZone},
		{"02:00", "Local", fault.ReasonUnknownTimeZone},
		{"02:00", "CET", fault.ReasonUnknownTimeZone},
		{"02:00", "EST5EDT", fault.ReasonUnknownTimeZone},
		{"02:00", "+02:00", fault.ReasonUnknownTimeZone},
		{"02:00", "UTC+2", fault.ReasonUnknownTimeZone},
		{"02:00", "Etc/GMT-2", fault.ReasonUnknownTimeZone},
		{"02:00", "posix/Europe/Berlin", fault.ReasonUnknownTimeZone},
		{"02:00", "Europe/Atlantis", fault.ReasonUnknownTimeZone},
		{"02:00", "Europe/../Europe/Berlin", fault.ReasonUnknownTimeZone},
		{"02:00", "Europe/", fault.ReasonUnknownTimeZone},
	} {
		_, err := Parse(test.timeOfDay, test.zone)
		if fault.ReasonOf(err) != test.want || fault.KindOf(err) != fault.Invalid {
			t.Errorf("Parse(%q, %q) = %v, want an invalid %s", test.timeOfDay, test.zone, err, test.want)
		}
	}
}

func TestMissingZoneData(t *testing.T) {
	gone := func(string) (*time.Location, error) { return nil, errors.New("no such file") }
	if _, err := parse("02:00", "Asia/Kathmandu", gone); fault.KindOf(err) != fault.State {
		t.Errorf("parse without zone data = %v, want a fault of kind STATE", err)
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

func TestRunID(t *testing.T) {
	if diff := cmp.Diff("acme-daily-20260103-2", RunID("acme-daily", mustDate(t, "2026-01-03"), 2)); diff != "" {
		t.Errorf("RunID (-want +got):\n%s", diff)
	}
}
