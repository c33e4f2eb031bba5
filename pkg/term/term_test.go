package term_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/calendar"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/term"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

// at is an instant of November 2026; the 23rd is a Monday.
func at(day, hour int) time.Time { return time.Date(2026, 11, day, hour, 0, 0, 0, time.UTC) }

func mustDate(t testing.TB, text string) calendar.Date {
	t.Helper()
	d, err := calendar.ParseDate(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func daily(timeOfDay string, weekdays ...configv1.Weekday) *configv1.Schedule {
	return &configv1.Schedule{TimeOfDay: timeOfDay, TimeZone: "UTC", Weekdays: weekdays}
}

// from is a term that owes drops, unless it is told otherwise.
func from(revision int64, effective time.Time, schedule *configv1.Schedule) *configv1.Term {
	return &configv1.Term{Revision: revision, EffectiveTime: timestamppb.New(effective), Owed: true, Schedule: schedule, RetentionDays: 5}
}

func paused(m *configv1.Term) *configv1.Term { m.Owed = false; return m }

func starting(m *configv1.Term, date string) *configv1.Term { m.StartDate = date; return m }

func export(terms ...*configv1.Term) *configv1.Export {
	return &configv1.Export{ExportId: "acme-daily", Terms: terms}
}

// spell writes a drop as date, due time and revision.
func spell(d term.Drop) string {
	return d.Date.String()[8:] + " due " + d.Due.UTC().Format("02 15:04") + " by " + string(rune('0'+d.Revision))
}

func TestOwed(t *testing.T) {
	for _, test := range []struct {
		name  string
		terms []*configv1.Term
		now   time.Time
		want  []string
	}{
		{"never approved", nil, at(25, 12), nil},
		{"from the first due time after the approval", []*configv1.Term{from(1, at(23, 3), daily("02:00"))}, at(25, 2), []string{"25 due 25 02:00 by 1", "24 due 24 02:00 by 1"}},
		{"from the start date", []*configv1.Term{starting(from(1, at(23, 3), daily("02:00")), "2026-11-22")}, at(23, 4), []string{"23 due 23 02:00 by 1", "22 due 22 02:00 by 1"}},
		{"as far back as drops are kept", []*configv1.Term{from(1, at(1, 0), daily("02:00"))}, at(25, 2), []string{
			"25 due 25 02:00 by 1", "24 due 24 02:00 by 1", "23 due 23 02:00 by 1", "22 due 22 02:00 by 1", "21 due 21 02:00 by 1",
		}},
		{
			"by the revision in force at the due time",
			[]*configv1.Term{from(1, at(22, 12), daily("02:00")), from(2, at(23, 2), daily("02:00")), from(3, at(24, 12), daily("02:00"))},
			at(25, 12),
			[]string{"25 due 25 02:00 by 3", "24 due 24 02:00 by 2", "23 due 23 02:00 by 2"},
		},
		{
			"cut off by an earlier time",
			[]*configv1.Term{from(1, at(22, 12), daily("23:00")), from(2, at(23, 12), daily("02:00"))},
			at(24, 12),
			[]string{"24 due 24 02:00 by 2", "23 due 23 12:00 by 2", "22 due 22 23:00 by 1"},
		},
		{
			"fell due before a later time",
			[]*configv1.Term{from(1, at(22, 12), daily("02:00")), from(2, at(23, 12), daily("23:00"))},
			at(24, 23),
			[]string{"24 due 24 23:00 by 2", "23 due 23 02:00 by 1"},
		},
		{
			"two changes between two due times",
			[]*configv1.Term{from(1, at(22, 12), daily("23:00")), from(2, at(23, 11), daily("22:00")), from(3, at(23, 12), daily("02:00"))},
			at(23, 23),
			[]string{"23 due 23 12:00 by 3", "22 due 22 23:00 by 1"},
		},
		{
			"two changes at once",
			[]*configv1.Term{from(1, at(22, 12), daily("23:00")), from(2, at(23, 12), daily("01:00")), from(3, at(23, 12), daily("02:00"))},
			at(23, 23),
			[]string{"23 due 23 12:00 by 3", "22 due 22 23:00 by 1"},
		},
		{
			"a date that the new schedule leaves out",
			[]*configv1.Term{from(1, at(22, 12), daily("23:00")), from(2, at(23, 12), daily("02:00", configv1.Weekday_WEEKDAY_WEDNESDAY))},
			at(25, 12),
			[]string{"25 due 25 02:00 by 2", "22 due 22 23:00 by 1"},
		},
		{
			"a date that only the new schedule has, too late",
			[]*configv1.Term{from(1, at(22, 12), daily("23:00", configv1.Weekday_WEEKDAY_SUNDAY)), from(2, at(23, 12), daily("02:00"))},
			at(24, 12),
			[]string{"24 due 24 02:00 by 2", "22 due 22 23:00 by 1"},
		},
		{
			"paused at the due time",
			[]*configv1.Term{from(1, at(22, 12), daily("02:00")), paused(from(2, at(23, 12), daily("02:00"))), from(3, at(24, 12), daily("02:00"))},
			at(25, 12),
			[]string{"25 due 25 02:00 by 3", "23 due 23 02:00 by 1"},
		},
		{
			"resumed with a later time",
			[]*configv1.Term{from(1, at(22, 12), daily("02:00")), paused(from(2, at(23, 12), daily("02:00"))), from(3, at(24, 12), daily("20:00"))},
			at(24, 20),
			[]string{"24 due 24 20:00 by 3", "23 due 23 02:00 by 1"},
		},
		{
			"a later start date holds from then on",
			[]*configv1.Term{from(1, at(22, 12), daily("02:00")), starting(from(2, at(23, 12), daily("02:00")), "2026-11-25")},
			at(25, 12),
			[]string{"25 due 25 02:00 by 2", "23 due 23 02:00 by 1"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			owed, err := term.Owed(export(test.terms...), test.now)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, drop := range owed {
				got = append(got, spell(drop))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("owed (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOnRefuses(t *testing.T) {
	terms := []*configv1.Term{
		from(1, at(16, 12), daily("02:00")), paused(from(2, at(21, 12), daily("02:00"))),
		from(3, at(22, 12), daily("02:00", configv1.Weekday_WEEKDAY_MONDAY, configv1.Weekday_WEEKDAY_THURSDAY)),
	}
	for date, want := range map[string]fault.Reason{
		"2026-11-16": fault.ReasonBeforeStart, "2026-11-17": fault.ReasonBeyondRetention, "2026-11-21": "", "2026-11-22": fault.ReasonNotActive,
		"2026-11-23": "", "2026-11-24": fault.ReasonNotScheduled, "2026-11-26": fault.ReasonNotDue, "2026-11-27": fault.ReasonNotScheduled,
	} {
		drop, err := term.On(export(terms...), mustDate(t, date), at(25, 12))
		if fault.ReasonOf(err) != want || err == nil && drop.Date.String() != date || err != nil && fault.KindOf(err) != fault.State {
			t.Errorf("On(%s) = %v, %v, want reason %q", date, drop, err, want)
		}
	}
	if _, err := term.On(export(), mustDate(t, "2026-11-23"), at(25, 12)); fault.ReasonOf(err) != fault.ReasonNotApproved {
		t.Errorf("On before the first approval = %v, want NOT_APPROVED", err)
	}
}

// TestTermsFromBefore reads a record of a time when terms kept no schedule.
func TestTermsFromBefore(t *testing.T) {
	e := export(from(1, at(22, 12), nil), from(2, at(23, 12), nil))
	e.Revision = &configv1.Revision{Revision: 2, Spec: &configv1.ExportSpec{
		Schedule: daily("02:00"), Deadline: durationpb.New(6 * time.Hour), StartDate: "2026-11-22",
	}}
	owed, err := term.Owed(e, at(23, 3))
	if err != nil || len(owed) != 2 || spell(owed[0]) != "23 due 23 02:00 by 1" || spell(owed[1]) != "22 due 22 02:00 by 1" {
		t.Fatalf("Owed = %v, %v, want the 22nd and the 23rd by revision 1", owed, err)
	}
	if want := at(23, 8); !owed[0].Deadline.Equal(want) {
		t.Errorf("deadline = %s, want %s", owed[0].Deadline, want)
	}
	e.Revision.Spec.Schedule.TimeZone = "Mars/Base"
	if _, err := term.Owed(e, at(23, 3)); fault.ReasonOf(err) != fault.ReasonUnknownTimeZone {
		t.Errorf("an unreadable schedule = %v, want UNKNOWN_TIME_ZONE", err)
	}
}
