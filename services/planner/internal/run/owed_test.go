package run

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/calendar"
	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

func export(start string) *configv1.Export {
	return &configv1.Export{
		ExportId: "acme-daily", CustomerId: "acme", Terms: []*configv1.Term{{Revision: 3, EffectiveTime: timestamppb.New(noon), Owed: true}},
		Revision: &configv1.Revision{Revision: 3, Spec: &configv1.ExportSpec{
			Tables:    []*configv1.TableSelection{{Table: "FACT_REVIEWS"}, {Table: "DIM_DATES"}},
			Schedule:  &configv1.Schedule{TimeOfDay: "02:30", TimeZone: "Europe/Berlin"},
			StartDate: start, Deadline: durationpb.New(6 * time.Hour), RetentionDays: 5,
		}},
	}
}

func TestOwed(t *testing.T) {
	for _, test := range []struct {
		name, start string
		now         time.Time
		want        []string
	}{
		{"from the first due time after approval", "", noon.AddDate(0, 0, 2), []string{"2026-01-12", "2026-01-11"}},
		{"from the start date, also before approval", "2026-01-09", noon, []string{"2026-01-10", "2026-01-09"}},
		{"as far back as drops are kept", "2025-01-01", noon, []string{"2026-01-10", "2026-01-09", "2026-01-08", "2026-01-07", "2026-01-06"}},
		{"nothing before the due time", "2026-01-10", noon.Add(-11 * time.Hour), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			owed, err := Owed(export(test.start), test.now)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range owed {
				got = append(got, e.Date.String())
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("dates differ (-want +got):\n%s", diff)
			}
		})
	}
}

// What falls due while an export is paused is not owed, neither then nor once it is resumed; what fell due before is.
func TestPausedDatesAreNotOwed(t *testing.T) {
	e := export("2026-01-09")
	e.Terms = append(e.Terms, // due times are at 01:30 UTC
		&configv1.Term{Revision: 4, EffectiveTime: timestamppb.New(noon.AddDate(0, 0, 1)), Owed: false},
		&configv1.Term{Revision: 5, EffectiveTime: timestamppb.New(noon.AddDate(0, 0, 3)), Owed: true})
	owed, err := Owed(e, noon.AddDate(0, 0, 4))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range owed {
		got = append(got, e.Date.String())
	}
	if diff := cmp.Diff([]string{"2026-01-14", "2026-01-11", "2026-01-10"}, got); diff != "" {
		t.Errorf("dates differ (-want +got):\n%s", diff)
	}
	d, err := calendar.ParseDate("2026-01-12")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Expect(e, d, noon.AddDate(0, 0, 4)); fault.ReasonOf(err) != fault.ReasonNotActive {
		t.Errorf("Expect(%s) = %v, want NOT_ACTIVE", d, err)
	}
}

func TestNothingIsOwedBeforeApproval(t *testing.T) {
	e := export("2026-01-09")
	e.Terms, e.Revision = nil, nil
	if owed, err := Owed(e, noon); err != nil || len(owed) > 0 {
		t.Errorf("Owed = %v, %v, want nothing", owed, err)
	}
	d, err := calendar.ParseDate("2026-01-09")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Expect(e, d, noon); fault.ReasonOf(err) != fault.ReasonNotApproved {
		t.Errorf("Expect = %v, want NOT_APPROVED", err)
	}
}

func TestExpect(t *testing.T) {
	for date, want := range map[string]fault.Reason{
		"2026-01-08": fault.ReasonBeforeStart, "2026-01-09": "", "2026-01-10": "", "2026-01-11": fault.ReasonNotDue,
	} {
		d, err := calendar.ParseDate(date)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Expect(export("2026-01-09"), d, noon); fault.ReasonOf(err) != want {
			t.Errorf("Expect(%s) = %v, want reason %q", date, err, want)
		}
	}
}

func TestNew(t *testing.T) {
	owed, err := Owed(export("2026-01-10"), noon)
	if err != nil || len(owed) != 1 {
		t.Fatalf("Owed = %v, %v", owed, err)
	}
	r := New(owed[0], owed[0].Export.GetRevision(), noon)
	due := time.Date(2026, 1, 10, 1, 30, 0, 0, time.UTC)
	ref := r.GetRef()
	if !ref.GetDueTime().AsTime().Equal(due) || !ref.GetAsOfTime().AsTime().Equal(due) || !r.GetDeadlineTime().AsTime().Equal(due.Add(6*time.Hour)) {
		t.Errorf("due %v, as of %v, deadline %v", ref.GetDueTime().AsTime(), ref.GetAsOfTime().AsTime(), r.GetDeadlineTime().AsTime())
	}
	if ref.GetRunId() != "acme-daily-20260110-1" || ref.GetRevision() != 3 || r.GetTables()[0].GetTable() != "FACT_REVIEWS" {
		t.Errorf("run %v", r)
	}
}

func TestOrder(t *testing.T) {
	ids := []string{"a-20260101-1", "b-c-20260103-1", "a-20260103-1", "z-20260102-1"}
	slices.SortFunc(ids, NewestFirst)
	want := []string{"a-20260103-1", "b-c-20260103-1", "z-20260102-1", "a-20260101-1"}
	if diff := cmp.Diff(want, ids); diff != "" {
		t.Errorf("order differs (-want +got):\n%s", diff)
	}
	if !OnDate("b-c-20260103-1", "2026-01-03") || OnDate("b-c-20260103-1", "2026-01-01") || OnDate("", "2026-01-01") {
		t.Error("the date of a run id is misread")
	}
}
