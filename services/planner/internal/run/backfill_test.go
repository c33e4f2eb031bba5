package run

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/customer-exports/exports/pkg/calendar"
	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
)

// evening is 2026-01-11 in UTC, and the day after in Berlin.
var evening = time.Date(2026, 1, 11, 23, 30, 0, 0, time.UTC)

func TestBetween(t *testing.T) {
	for _, test := range []struct {
		from, to string
		dates    int
		kind     fault.Kind
		reason   fault.Reason
	}{
		{"2026-01-10", "2026-01-10", 1, "", ""},
		{"2026-01-10", "2026-01-12", 3, "", ""}, // today in the export's zone
		{"2024-12-08", "2026-01-11", 400, "", ""},
		{"2024-12-07", "2026-01-11", 0, fault.Invalid, fault.ReasonValidation},
		{"0001-01-01", "2026-01-11", 0, fault.Invalid, fault.ReasonValidation},
		{"2026-01-11", "2026-01-10", 0, fault.Invalid, fault.ReasonValidation},
		{"2026-02-30", "2026-03-01", 0, fault.Invalid, fault.ReasonValidation},
		{"2026-01-10", "2026-01-32", 0, fault.Invalid, fault.ReasonValidation},
		{"2026-01-10", "2026-01-13", 0, fault.State, fault.ReasonNotDue},
		{"2026-01-10", "9999-12-31", 0, fault.State, fault.ReasonNotDue},
	} {
		dates, err := Between(export(""), test.from, test.to, evening)
		if len(dates) != test.dates || fault.KindOf(err) != test.kind || fault.ReasonOf(err) != test.reason {
			t.Errorf("from %s to %s: %d dates, %v; want %d, %s %s", test.from, test.to, len(dates), err, test.dates, test.kind, test.reason)
		}
	}
}

// TestBackfill has a date before the export, one that has a run, one that the source no longer holds, one to plan and one
// whose due time is to come.
func TestBackfill(t *testing.T) {
	exported, when := export("2026-01-09"), evening.Add(-time.Hour) // the 12th has not begun in Berlin either
	dates, err := Between(exported, "2026-01-08", "2026-01-11", when)
	if err != nil {
		t.Fatal(err)
	}
	b, newest := &Backfill{}, Newest(slices.Values([]string{"acme-daily-20260109-2", "acme-daily-20260109-10", "acme-20260111-1"}), "acme-daily")
	for _, date := range dates {
		if err := b.Add(exported, date, newest[date.Compact()], byInForce, act("Backfill"), when); err != nil {
			t.Fatal(err)
		}
	}
	b.Drop(func(*planv1.Run) time.Time { return time.Date(2026, 1, 11, 1, 0, 0, 0, time.UTC) })
	answer := b.Answer()
	var got []string
	for _, d := range answer.GetDates() {
		got = append(got, d.GetExportDate()+" "+d.GetOutcome().String()+" "+d.GetRunId())
	}
	want := []string{
		"2026-01-08 BACKFILL_OUTCOME_NOT_OWED ", "2026-01-09 BACKFILL_OUTCOME_EXISTS acme-daily-20260109-10",
		"2026-01-10 BACKFILL_OUTCOME_SOURCE_GONE ", "2026-01-11 BACKFILL_OUTCOME_PLANNED acme-daily-20260111-1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("dates differ (-want +got):\n%s", diff)
	}
	if answer.GetPlannedCount() != 1 || answer.GetExistingCount() != 1 || answer.GetNotOwedCount() != 1 || answer.GetSourceGoneCount() != 1 {
		t.Errorf("counted %v", answer)
	}
	for _, d := range []*planv1.BackfillDate{answer.GetDates()[0], answer.GetDates()[2]} {
		if d.GetReason() == "" || d.GetMessage() == "" {
			t.Errorf("%s is left out without a reason: %v", d.GetExportDate(), d)
		}
	}
	if len(b.Runs) != 1 || b.Runs[0].GetRef().GetRunId() != "acme-daily-20260111-1" || b.Runs[0].GetActs()[0].GetMethod() != "Backfill" {
		t.Errorf("to be planned: %v", b.Runs)
	}
}

// TestEveryDateHasOneOutcome backfills any range of an export with any runs: the counts add up, and what is to be planned
// is what is said to be.
func TestEveryDateHasOneOutcome(t *testing.T) {
	exported := export("2026-01-09")
	rapid.Check(t, func(rt *rapid.T) {
		from := date(t, "2025-12-01")
		for range rapid.IntRange(0, 40).Draw(rt, "from") {
			from = from.Next()
		}
		b := &Backfill{}
		held := noon.AddDate(0, 0, -rapid.IntRange(0, 40).Draw(rt, "held"))
		days := rapid.IntRange(1, 40).Draw(rt, "days")
		for d := range days {
			newest := ""
			if rapid.Bool().Draw(rt, "exists") {
				newest = calendar.RunID("acme-daily", from, 1+d%3)
			}
			if err := b.Add(exported, from, newest, byInForce, act("Backfill"), noon); err != nil {
				rt.Fatal(err)
			}
			from = from.Next()
		}
		b.Drop(func(*planv1.Run) time.Time { return held })
		a := b.Answer()
		if sum := a.GetPlannedCount() + a.GetExistingCount() + a.GetNotOwedCount() + a.GetSourceGoneCount(); int(sum) != days || len(a.GetDates()) != days {
			rt.Errorf("%d of %d dates are counted", sum, days)
		}
		if len(b.Runs) != int(a.GetPlannedCount()) {
			rt.Errorf("%d runs are to be planned, %d are said to be", len(b.Runs), a.GetPlannedCount())
		}
		for _, r := range b.Runs {
			if r.GetRef().GetAsOfTime().AsTime().Before(held) {
				rt.Errorf("%s is planned although the source no longer holds it", r.GetRef().GetRunId())
			}
		}
	})
}

func date(t testing.TB, text string) calendar.Date {
	t.Helper()
	d, err := calendar.ParseDate(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// byInForce makes every drop by the revision in force.
func byInForce(e Expectation) (*configv1.Revision, error) { return e.Export.GetRevision(), nil }
