package term_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/customer-exports/exports/pkg/calendar"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/term"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

// tick is what all due times, changes and moves of a clock are multiples of.
const tick = 15 * time.Minute

// wild draws schedules that leave dates out, pauses and start dates; tame ones have every date in one zone, and no pause.
type wild bool

func (w wild) schedule(t *rapid.T, zone string) *configv1.Schedule {
	quarter := rapid.IntRange(0, 95).Draw(t, "quarter of the day")
	s := &configv1.Schedule{TimeOfDay: fmt.Sprintf("%02d:%02d", quarter/4, quarter%4*15), TimeZone: zone}
	if bool(w) && rapid.Bool().Draw(t, "fewer") {
		s.Weekdays = rapid.SampledFrom([][]configv1.Weekday{{1, 3, 5}, {2, 3, 4, 7}, {6}}).Draw(t, "weekdays")
	}
	return s
}

// begins are just before clocks move, or leave a date out.
func begins() []time.Time {
	return []time.Time{
		time.Date(2027, 3, 25, 0, 0, 0, 0, time.UTC), time.Date(2027, 10, 28, 0, 0, 0, 0, time.UTC),
		time.Date(2011, 12, 26, 0, 0, 0, 0, time.UTC), time.Date(2018, 11, 1, 0, 0, 0, 0, time.UTC),
	}
}

func (w wild) draw(t *rapid.T) (e *configv1.Export, begin, end time.Time) {
	zones := []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kathmandu", "Africa/Casablanca", "Pacific/Apia", "UTC"}
	begin = rapid.SampledFrom(begins()).Draw(t, "begin")
	zone := rapid.SampledFrom(zones).Draw(t, "zone")
	e = export()
	effective := begin
	for i := range rapid.IntRange(1, 6).Draw(t, "terms") {
		if bool(w) && rapid.IntRange(0, 3).Draw(t, "move") == 0 {
			zone = rapid.SampledFrom(zones).Draw(t, "zone")
		}
		m := from(int64(i+1), effective, w.schedule(t, zone))
		m.RetentionDays, m.Owed = 100, !bool(w) || rapid.IntRange(0, 3).Draw(t, "owed") > 0
		if bool(w) && rapid.IntRange(0, 3).Draw(t, "start") == 0 {
			m.StartDate = begin.AddDate(0, 0, rapid.IntRange(-2, 5).Draw(t, "start date")).Format(time.DateOnly)
		}
		e.Terms = append(e.Terms, m)
		effective = effective.Add(time.Duration(rapid.IntRange(0, 200).Draw(t, "ticks")) * tick)
	}
	return e, begin, effective.AddDate(0, 0, 2)
}

// until is the export as it was at that instant.
func until(e *configv1.Export, now time.Time) *configv1.Export {
	seen := export()
	for _, m := range e.GetTerms() {
		if !m.GetEffectiveTime().AsTime().After(now) {
			seen.Terms = append(seen.Terms, m)
		}
	}
	return seen
}

// clerk is the oracle: somebody who lives through the history with a clock, and knows nothing of what is to come.
type clerk struct {
	t         *rapid.T
	owed      map[calendar.Date]term.Drop
	schedules map[int64]calendar.Schedule
}

func newClerk(t *rapid.T) *clerk {
	return &clerk{t: t, owed: map[calendar.Date]term.Drop{}, schedules: map[int64]calendar.Schedule{}}
}

func (c *clerk) schedule(m *configv1.Term) calendar.Schedule {
	s, known := c.schedules[m.GetRevision()]
	if !known {
		var err error
		if s, err = calendar.FromProto(m.GetSchedule()); err != nil {
			c.t.Fatal(err)
		}
		c.schedules[m.GetRevision()] = s
	}
	return s
}

// included says whether a date has a run that the term does not refuse for its start date.
func included(s calendar.Schedule, m *configv1.Term, d calendar.Date) bool {
	return s.Scheduled(d) && d.String() >= m.GetStartDate()
}

func (c *clerk) call(m *configv1.Term, d calendar.Date, now time.Time) {
	if _, had := c.owed[d]; !had && m.GetOwed() && d.String() >= m.GetStartDate() {
		c.owed[d] = term.Drop{Date: d, Due: now, Deadline: now.Add(24 * time.Hour), Revision: m.GetRevision()}
	}
}

func around(now time.Time) []calendar.Date {
	d := calendar.LocalDate(now)
	return []calendar.Date{d.Prev().Prev(), d.Prev(), d, d.Next(), d.Next().Next()}
}

func (c *clerk) live(e *configv1.Export, begin, end time.Time) {
	// What a start date asks for from before the first term is looked up in its calendar.
	var current, before *configv1.Term
	for now := begin.AddDate(0, 0, -5); !now.After(end); now = now.Add(tick) {
		before = current
		for i, m := range e.GetTerms() {
			if !m.GetEffectiveTime().AsTime().After(now) || i == 0 && m.GetStartDate() != "" {
				current = m
			}
		}
		if current == nil {
			continue
		}
		s := c.schedule(current)
		for _, d := range around(now) {
			due := s.Due(d)
			cut := before != nil && before != current && due.Before(now) && included(c.schedule(before), before, d) && !c.schedule(before).Due(d).Before(now)
			if s.Scheduled(d) && (due.Equal(now) || cut) {
				c.call(current, d, now)
			}
		}
	}
}

func byDate(drops []term.Drop) map[calendar.Date]term.Drop {
	all := map[calendar.Date]term.Drop{}
	for _, drop := range drops {
		all[drop.Date] = drop
	}
	return all
}

func owed(t *rapid.T, e *configv1.Export, now time.Time) []term.Drop {
	drops, err := term.Owed(e, now)
	if err != nil {
		t.Fatal(err)
	}
	return drops
}

var drops = cmp.Comparer(func(a, b term.Drop) bool {
	return a.Date == b.Date && a.Due.Equal(b.Due) && a.Deadline.Equal(b.Deadline) && a.Revision == b.Revision
})

func TestWhoeverLivesThroughItOwesTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, begin, end := wild(true).draw(t)
		c := newClerk(t)
		c.live(distinct(e), begin, end)
		got := owed(t, e, end)
		if diff := cmp.Diff(c.owed, byDate(got), drops); diff != "" || len(got) != len(c.owed) {
			t.Fatalf("owed, of %v (-want +got):\n%s", e.GetTerms(), diff)
		}
	})
}

// distinct leaves out terms that were replaced at the instant they began: the clerk's clock would never show them.
func distinct(e *configv1.Export) *configv1.Export {
	lasting := export()
	for i, m := range e.GetTerms() {
		if i+1 == len(e.GetTerms()) || e.GetTerms()[i+1].GetEffectiveTime().AsTime().After(m.GetEffectiveTime().AsTime()) {
			lasting.Terms = append(lasting.Terms, m)
		}
	}
	return lasting
}

// TestAnswersStand asks at two instants, then and later: nothing owed is taken back or moved, and the future is no argument.
func TestAnswersStand(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, begin, end := wild(true).draw(t)
		ticks := int(end.Sub(begin) / tick)
		now := begin.Add(time.Duration(rapid.IntRange(0, ticks).Draw(t, "now")) * tick)
		later := now.Add(time.Duration(rapid.IntRange(0, ticks).Draw(t, "later")) * tick)
		then := byDate(owed(t, until(e, now), now))
		if diff := cmp.Diff(then, byDate(owed(t, e, now)), drops); diff != "" {
			t.Fatalf("owed at %s, asked then and asked later (-then +later):\n%s", now, diff)
		}
		afterwards := byDate(owed(t, until(e, later), later))
		for d, drop := range then {
			if diff := cmp.Diff(drop, afterwards[d], drops); diff != "" {
				t.Fatalf("what was owed at %s has changed by %s (-then +later):\n%s", now, later, diff)
			}
		}
	})
}

// TestOneDateAndAllAgree asks for each date by itself.
func TestOneDateAndAllAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, begin, end := wild(true).draw(t)
		all := byDate(owed(t, e, end))
		last := calendar.LocalDate(end.AddDate(0, 0, 3))
		for d := calendar.LocalDate(begin.AddDate(0, 0, -5)); d.Before(last); d = d.Next() {
			drop, err := term.On(e, d, end)
			if want, isOwed := all[d]; isOwed != (err == nil) || err == nil && !cmp.Equal(want, drop, drops) {
				t.Fatalf("On(%s) = %v, %v, but among all it is %v, %t", d, drop, err, want, isOwed)
			}
			if err != nil && fault.KindOf(err) != fault.State {
				t.Fatal(err)
			}
		}
	})
}

// TestNoDateIsLost changes nothing but the time of day: from the first drop on every date has one, due on that date.
func TestNoDateIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, _, end := wild(false).draw(t)
		all := owed(t, e, end)
		slices.Reverse(all)
		c := newClerk(t)
		s := c.schedule(e.GetTerms()[0])
		for i, drop := range all {
			next := drop.Date.Next()
			for !s.Scheduled(next) { // Apia
				next = next.Next()
			}
			if i+1 < len(all) && all[i+1].Date != next {
				t.Fatalf("after %s comes %s", drop.Date, all[i+1].Date)
			}
			if got := calendar.LocalDate(drop.Due.In(s.Zone)); got != drop.Date {
				t.Fatalf("%s is due on %s", drop.Date, got)
			}
		}
		if newest := calendar.LocalDate(end.In(s.Zone)).Prev(); len(all) == 0 || all[len(all)-1].Date.Before(newest) && s.Scheduled(newest) {
			t.Fatalf("the newest drop is %v, want one for %s", all[len(all)-1:], newest)
		}
	})
}
