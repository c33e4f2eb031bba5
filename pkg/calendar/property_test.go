package calendar

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

// hardZones differ in how their clocks move: by an hour or half of one, at midnight, backwards in summer, by a day, never.
func hardZones() []string {
	return []string{
		"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kathmandu",
		"Africa/Casablanca", "Pacific/Apia", "America/St_Johns", "UTC",
	}
}

// drawSchedule draws either form.
func drawSchedule(t *rapid.T) Schedule {
	minute := rapid.IntRange(0, 24*60-1).Draw(t, "minute of day")
	m := &configv1.Schedule{TimeZone: rapid.SampledFrom(hardZones()).Draw(t, "zone")}
	days := rapid.SampledFrom([]string{"", "* * *", "* * MON-FRI", "1,15 * *", "* 2-4,10,11 *", "29-31 * *"}).Draw(t, "days")
	if days == "" {
		m.TimeOfDay = fmt.Sprintf("%02d:%02d", minute/60, minute%60)
		m.Weekdays = rapid.SliceOfNDistinct(rapid.Map(rapid.Int32Range(1, 7), func(w int32) configv1.Weekday {
			return configv1.Weekday(w)
		}), 0, 7, rapid.ID[configv1.Weekday]).Draw(t, "weekdays")
	} else {
		m.Cron = fmt.Sprintf("%d %d %s", minute%60, minute/60, days)
	}
	s, err := FromProto(m)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func drawDate(t *rapid.T) Date {
	days := rapid.IntRange(0, 365*85).Draw(t, "days after 1975")
	return LocalDate(time.Date(1975, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, days))
}

// next is the first date after d that has a run.
func next(s Schedule, d Date) Date {
	for d = d.Next(); !s.Scheduled(d); {
		d = d.Next()
	}
	return d
}

// wall is what the zone's clock shows, as an instant of UTC.
func wall(s Schedule, at time.Time) time.Time {
	local := at.In(s.Zone)
	return time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute(), local.Second(), 0, time.UTC)
}

// wanted is what the clock should show when the run of d is due.
func wanted(s Schedule, d Date) time.Time {
	return d.midnight().Add(time.Duration(s.hour)*time.Hour + time.Duration(s.minute)*time.Minute)
}

// firstMinute is the oracle: it watches the clock minute by minute from long before.
func firstMinute(s Schedule, d Date) time.Time {
	at := wanted(s, d).Add(-16 * time.Hour)
	for wall(s, at).Before(wanted(s, d)) {
		at = at.Add(time.Minute)
	}
	return at
}

func TestDueIsTheFirstMinute(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, d := drawSchedule(t), drawDate(t)
		if got, want := s.Due(d), firstMinute(s, d); !got.Equal(want) {
			t.Fatalf("Due(%s) at %02d:%02d in %s = %s, want %s", d, s.hour, s.minute, s.Zone, got, want)
		}
	})
}

// checkDate holds one date against the rules, knowing the one with a run after it.
func checkDate(t rapid.TB, s Schedule, d, after Date) {
	t.Helper()
	due := s.Due(d)
	if !due.Before(s.Due(after)) {
		t.Fatalf("%s in %s: Due(%s) = %s is not before Due(%s) = %s", wanted(s, d), s.Zone, d, due, after, s.Due(after))
	}
	if got := s.DateOf(due); got != d {
		t.Fatalf("%s in %s: DateOf(Due(%s)) = %s", wanted(s, d), s.Zone, d, got)
	}
	if got, at := s.LatestDue(due); got != d || !at.Equal(due) {
		t.Fatalf("%s in %s: LatestDue(%s) = %s %s, want %s", wanted(s, d), s.Zone, due, got, at, d)
	}
	if got, _ := s.LatestDue(s.Due(after).Add(-time.Nanosecond)); got != d {
		t.Fatalf("%s in %s: LatestDue just before %s = %s, want %s", wanted(s, d), s.Zone, s.Due(after), got, d)
	}
	shows, before := wall(s, due), wall(s, due.Add(-time.Minute))
	if gap := before.Before(wanted(s, d)) && shows.After(wanted(s, d)); !gap && !shows.Equal(wanted(s, d)) {
		t.Fatalf("%s in %s: due when the clock shows %s, and not at the end of a gap", wanted(s, d), s.Zone, shows)
	}
	if from, until := d.Anywhere(); due.Before(from) || !due.Before(until) {
		t.Fatalf("Due(%s) in %s = %s is outside of Anywhere", d, s.Zone, due)
	}
}

func TestDueOrdersAndInverts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSchedule(t)
		d := next(s, drawDate(t))
		checkDate(t, s, d, next(s, d))
	})
}

// TestNoDateIsLeftOut knows of one date only that a zone left out.
func TestNoDateIsLeftOut(t *testing.T) {
	end := mustDate(t, "2060-01-01")
	for _, zone := range hardZones() {
		s := mustParse(t, "00:00", zone)
		for d := mustDate(t, "1975-01-01"); d.Before(end); d = d.Next() {
			if left := zone == "Pacific/Apia" && d.String() == "2011-12-30"; s.Scheduled(d) == left {
				t.Errorf("%s in %s has a run: %t", d, zone, !left)
			}
		}
	}
}

// TestSimulatedYears lets a planner look at the calendar every half hour and counts what it would start.
func TestSimulatedYears(t *testing.T) {
	for _, zone := range hardZones() {
		for _, year := range []int{2011, 2018, 2027} {
			for _, m := range []*configv1.Schedule{
				{TimeOfDay: "00:00"},
				{TimeOfDay: "00:30"},
				{TimeOfDay: "01:45", Weekdays: []configv1.Weekday{6, 7}},
				{Cron: "30 2 * * *"},
				{Cron: "30 23 1,15,30,31 * *"},
			} {
				m.TimeZone = zone
				t.Run(fmt.Sprintf("%s/%d/%s%s", zone, year, m.GetTimeOfDay(), m.GetCron()), func(t *testing.T) {
					simulate(t, mustRead(t, m), year)
				})
			}
		}
	}
}

func simulate(t *testing.T, s Schedule, year int) {
	now := time.Date(year, 1, 1, 12, 0, 0, 0, s.Zone)
	end := now.AddDate(1, 0, 0)
	const tick = 30 * time.Minute
	last, _ := s.LatestDue(now)
	for ; now.Before(end); now = now.Add(tick) {
		d, due := s.LatestDue(now)
		if d == last {
			continue
		}
		if d != next(s, last) {
			t.Fatalf("at %s the newest date went from %s to %s", now, last, d)
		}
		if late := now.Sub(due); late < 0 || late >= tick {
			t.Fatalf("date %s was due at %s and seen at %s", d, due, now)
		}
		last = d
	}
}

// TestEveryMinuteAroundEveryMove is exhaustive where clocks move: each minute of the day as the time of day, on each date
// nearby. Far from a move a day is as long as every other.
func TestEveryMinuteAroundEveryMove(t *testing.T) {
	for _, zone := range hardZones() {
		s := mustParse(t, "00:00", zone)
		for _, year := range []int{1986, 2011, 2027} {
			for at := time.Date(year, 1, 1, 0, 0, 0, 0, s.Zone); at.Year() == year; {
				_, end := at.ZoneBounds()
				if end.IsZero() {
					break
				}
				at = end
				for minute := range 24 * 60 {
					s.hour, s.minute = minute/60, minute%60
					checkMove(t, s, LocalDate(end.In(s.Zone)))
				}
			}
		}
	}
}

func checkMove(t *testing.T, s Schedule, moved Date) {
	t.Helper()
	last := moved.Next()
	for d := next(s, moved.Prev().Prev().Prev()); d.Before(last); d = next(s, d) {
		checkDate(t, s, d, next(s, d))
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
