package run

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/calendar"
	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
)

func engagement(timeOfDay, zone string) *configv1.Export {
	return &configv1.Export{
		ExportId: "acme-daily", CustomerId: "acme",
		Terms: []*configv1.Term{{Revision: 1, EffectiveTime: timestamppb.New(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)), Owed: true}},
		Revision: &configv1.Revision{Revision: 1, Spec: &configv1.ExportSpec{
			Tables: []*configv1.TableSelection{{Table: "FACT_REVIEWS"}}, Schedule: &configv1.Schedule{TimeOfDay: timeOfDay, TimeZone: zone},
		}},
	}
}

// A date that lies ahead has the due time that it will have once it has come, at both ends of the earth.
func TestForesee(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, zone := range []string{"UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "America/New_York"} {
		for _, timeOfDay := range []string{"00:00", "02:30", "23:59"} {
			for _, day := range []string{"2026-02-27", "2026-03-01", "2026-03-02", "2026-03-08", "2027-03-01"} {
				date, err := calendar.ParseDate(day)
				if err != nil {
					t.Fatal(err)
				}
				export := engagement(timeOfDay, zone)
				got, err := Foresee(export, date, now)
				if err != nil {
					t.Fatalf("%s %s on %s: %v", timeOfDay, zone, day, err)
				}
				want, err := Expect(export, date, got.Due)
				if err != nil || !got.Due.Equal(want.Due) || got.RunID() != want.RunID() {
					t.Errorf("%s %s on %s: due %s, will be %s (%v)", timeOfDay, zone, day, got.Due, want.Due, err)
				}
				if _, err := Expect(export, date, got.Due.Add(-time.Second)); fault.ReasonOf(err) != fault.ReasonNotDue {
					t.Errorf("%s %s on %s: due a second before %s too: %v", timeOfDay, zone, day, got.Due, err)
				}
			}
		}
	}
}

// What will not be owed when the date has come is not foreseen.
func TestForeseeRefusals(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	paused, unapproved, later := engagement("02:00", "UTC"), engagement("02:00", "UTC"), engagement("02:00", "UTC")
	paused.Terms[0].Owed = false
	unapproved.Terms = nil
	later.Revision.Spec.StartDate = "2026-06-01"
	for name, test := range map[string]struct {
		export *configv1.Export
		date   string
	}{
		"paused": {paused, "2026-03-05"}, "never approved": {unapproved, "2026-03-05"}, "before the start": {later, "2026-05-31"},
		"long ago": {engagement("02:00", "UTC"), "2025-12-31"},
	} {
		date, err := calendar.ParseDate(test.date)
		if err != nil {
			t.Fatal(err)
		}
		if e, err := Foresee(test.export, date, now); fault.KindOf(err) != fault.State {
			t.Errorf("%s: %v, %v; want a refusal", name, e, err)
		}
	}
}

func TestSuppose(t *testing.T) {
	inForce := engagement("02:00", "UTC")
	both := proto.CloneOf(inForce)
	both.PendingRevision = &configv1.Revision{Revision: 2}
	pending := proto.CloneOf(both)
	pending.Revision, pending.Terms = nil, nil
	for name, test := range map[string]struct {
		export     *configv1.Export
		asked      int64
		want       int64
		unapproved bool
		refused    fault.Kind
	}{
		"in force":             {both, 0, 1, false, ""},
		"in force by number":   {both, 1, 1, false, ""},
		"pending by number":    {both, 2, 2, true, ""},
		"only one is pending":  {pending, 0, 2, true, ""},
		"older":                {pending, 1, 0, false, fault.NotFound},
		"of another day":       {both, 3, 0, false, fault.NotFound},
		"none at all":          {&configv1.Export{}, 0, 0, false, fault.State},
		"none with its number": {&configv1.Export{}, 1, 0, false, fault.NotFound},
	} {
		got, unapproved, err := Suppose(test.export, test.asked)
		if got.GetRevision().GetRevision() != test.want || unapproved != test.unapproved || fault.KindOf(err) != test.refused {
			t.Errorf("%s: revision %d, unapproved %t, %v", name, got.GetRevision().GetRevision(), unapproved, err)
		}
	}
	if diff := cmp.Diff(int64(1), both.GetRevision().GetRevision()); diff != "" {
		t.Error("the export itself was changed")
	}
	for name, number := range map[string]int64{"in force": 1, "pending": 2} {
		supposed, _, err := Suppose(both, number)
		if err != nil {
			t.Fatal(err)
		}
		long := calendar.LocalDate(time.Date(2001, 1, 1, 12, 0, 0, 0, time.UTC))
		if terms := supposed.GetTerms(); len(terms) != 1 || !terms[0].GetOwed() || terms[0].GetRevision() != number || long.Before(calendar.LocalDate(terms[0].GetEffectiveTime().AsTime())) {
			t.Errorf("the one %s, by its number, has terms %v, want one since ever", name, terms)
		}
	}
}

// A preview lists the first parts and counts them all.
func TestPreviewListsThePartsOfTheCut(t *testing.T) {
	r := &planv1.Run{State: Measuring, Tables: []*planv1.TableProgress{{Table: "DIM_DATES"}, {Table: "FACT_REVIEWS"}}}
	many := &planv1.TableMeasurement{Table: "FACT_REVIEWS", Counts: []*planv1.SplitCount{{RowCount: 3}}}
	for day := range 70 {
		many.Counts = append(many.Counts, &planv1.SplitCount{SplitDate: fmt.Sprintf("2026-%02d-%02d", 1+day/28, 1+day%28), RowCount: 10})
	}
	cutter := Cutter{TargetRows: 10, Whole: func(table string) bool { return table == "DIM_DATES" }}
	if _, err := Measure(r, []*planv1.TableMeasurement{{Table: "DIM_DATES", Counts: []*planv1.SplitCount{{RowCount: 7}}}, many}, cutter); err != nil {
		t.Fatal(err)
	}
	got := Preview(r)
	facts := got.GetTables()[1]
	if got.GetPartCount() != 72 || got.GetRowCount() != 710 || facts.GetPartCount() != 71 || len(facts.GetParts()) != 50 {
		t.Fatalf("%d parts of %d rows, %d of facts, %d listed; want 72, 710, 71, 50", got.GetPartCount(), got.GetRowCount(), facts.GetPartCount(), len(facts.GetParts()))
	}
	for i, part := range facts.GetParts() {
		cut := r.GetTables()[1].GetParts()[i]
		if part.GetPartIndex() != int32(i) || part.GetRowCount() != cut.GetMeasuredRowCount() || !proto.Equal(part.GetRange(), cut.GetRange()) {
			t.Errorf("part %d is %v, cut as %v", i, part, cut)
		}
	}
}
