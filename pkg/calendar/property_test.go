package calendar

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// hardZones differ in how their clocks move: by an hour or half of one, at midnight, backwards in summer, once, never.
func hardZones() []string {
	return []string{
		"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kathmandu",
		"Africa/Casablanca", "UTC",
	}
}

func drawSchedule(t *rapid.T) Schedule {
	minute := rapid.IntRange(0, 24*60-1).Draw(t, "minute of day")
	zone := rapid.SampledFrom(hardZones()).Draw(t, "zone")
	s, err := Parse(fmt.Sprintf("%02d:%02d", minute/60, minute%60), zone)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func drawDate(t *rapid.T) Date {
	days := rapid.IntRange(0, 365*85).Draw(t, "days after 1975")
	return localDate(time.Date(1975, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, days))
}

// wall is what the zone's clock shows, as an instant of UTC.
func wall(s Schedule, at time.Time) time.Time {
	local := at.In(s.Zone)
	return time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute(), local.Second(), 0, time.UTC)
}

// firstMinute is the oracle: it watches the clock minute by minute from long before.
func firstMinute(s Schedule, d Date) time.Time {
	wanted := d.midnight().Add(time.Duration(s.hour)*time.Hour + time.Duration(s.minute)*time.Minute)
	at := wanted.Add(-16 * time.Hour)
	for wall(s, at).Before(wanted) {
		at = at.Add(time.Minute)
	}
	return at
}

func TestDueIsTheFirstMinute(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, d := drawSchedule(t), drawDate(t)
		if got, want := s.Due(d), firstMinute(s, d); !got.Equal(want) {
			t.Fatalf("Due(%s) at %s in %s = %s, want %s", d, s.TimeOfDay, s.Zone, got, want)
		}
	})
}

func TestDueOrdersAndInverts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, d := drawSchedule(t), drawDate(t)
		due := s.Due(d)
		if next := s.Due(d.Next()); !due.Before(next) {
			t.Fatalf("Due(%s) = %s is not before Due of the next date = %s", d, due, next)
		}
		if got := s.DateOf(due); got != d {
			t.Fatalf("DateOf(Due(%s)) = %s", d, got)
		}
		if got, at := s.LatestDue(due); got != d || !at.Equal(due) {
			t.Fatalf("LatestDue(%s) = %s %s, want %s", due, got, at, d)
		}
		if got, _ := s.LatestDue(due.Add(-time.Nanosecond)); got != d.Prev() {
			t.Fatalf("LatestDue just before %s = %s, want %s", due, got, d.Prev())
		}
	})
}

// TestSimulatedYears lets a planner look at the calendar every quarter of an hour and counts what it would start.
func TestSimulatedYears(t *testing.T) {
	for _, zone := range hardZones() {
		for _, year := range []int{1986, 2018, 2026, 2027} {
			for _, timeOfDay := range []string{"00:00", "00:30", "01:45", "02:30", "23:30"} {
				t.Run(fmt.Sprintf("%s/%d/%s", zone, year, timeOfDay), func(t *testing.T) {
					simulate(t, mustParse(t, timeOfDay, zone), year)
				})
			}
		}
	}
}

func simulate(t *testing.T, s Schedule, year int) {
	now := time.Date(year, 1, 1, 12, 0, 0, 0, s.Zone)
	end := now.AddDate(1, 0, 0)
	last, _ := s.LatestDue(now)
	for ; now.Before(end); now = now.Add(15 * time.Minute) {
		d, due := s.LatestDue(now)
		if d == last {
			continue
		}
		if d != last.Next() {
			t.Fatalf("at %s the newest date went from %s to %s", now, last, d)
		}
		if late := now.Sub(due); late < 0 || late >= 15*time.Minute {
			t.Fatalf("date %s was due at %s and seen at %s", d, due, now)
		}
		last = d
	}
}

func TestDateRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDate(t)
		parsed, err := ParseDate(d.String())
		if err != nil || parsed != d || d.Next().Prev() != d || !d.Before(d.Next()) || d.Before(d) {
			t.Fatalf("%s does not round-trip: %s, %v", d, parsed, err)
		}
	})
}
