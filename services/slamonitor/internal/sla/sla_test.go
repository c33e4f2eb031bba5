package sla

import (
	"testing"
	"time"

	"github.com/customer-exports/exports/pkg/calendar"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

func TestJudgeAtTheEdges(t *testing.T) {
	due := time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)
	e := Expectation{Due: due, Deadline: due.Add(24 * time.Hour)}
	missing := Audit{Findings: []Finding{{Condition: Missing}}}
	tests := []struct {
		name      string
		audit     Audit
		verified  time.Duration // after due; 0 means never
		now       time.Duration
		want      Punctuality
		wantState Condition
	}{
		{"nothing just after due", missing, 0, time.Second, Pending, Missing},
		{"nothing at three quarters", missing, 0, 18 * time.Hour, Pending, Missing},
		{"nothing past three quarters", missing, 0, 18*time.Hour + 1, AtRisk, Missing},
		{"nothing at the deadline", missing, 0, 24 * time.Hour, AtRisk, Missing},
		{"nothing past the deadline", missing, 0, 24*time.Hour + 1, Breached, Missing},
		{"verified at the deadline", Audit{}, 0, 24 * time.Hour, OnTime, Verified},
		{"verified past the deadline", Audit{}, 0, 24*time.Hour + 1, Late, Verified},
		{"on time, damaged later", Audit{Findings: []Finding{{Condition: Unreadable}, {Condition: Missing}}}, time.Hour, 48 * time.Hour, OnTime, Unreadable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var before Verdict
			if tt.verified > 0 {
				before.VerifyTime = due.Add(tt.verified)
			}
			got := Judge(e, tt.audit, before, due.Add(tt.now))
			if got.Punctuality != tt.want || got.State != tt.wantState {
				t.Errorf("Judge() = %s %s, want %s %s", got.Punctuality, got.State, tt.want, tt.wantState)
			}
		})
	}
}

func TestOwed(t *testing.T) {
	schedule, err := calendar.FromProto(&configv1.Schedule{TimeOfDay: "02:00", TimeZone: "Europe/Berlin"})
	if err != nil {
		t.Fatal(err)
	}
	start, err := calendar.ParseDate("2026-11-20")
	if err != nil {
		t.Fatal(err)
	}
	e := Engagement{ExportID: "acme-daily", Schedule: schedule, Start: start, Grace: 24 * time.Hour, Retention: 30 * 24 * time.Hour}
	e.Owes = func(time.Time) bool { return true }
	now := time.Date(2026, 11, 23, 0, 59, 59, 0, time.UTC) // a second before the due time of the 23rd
	got := Owed(e, now)
	if len(got) != 3 || got[0].ExportDate != "2026-11-20" || got[2].ExportDate != "2026-11-22" {
		t.Fatalf("Owed() = %+v, want the 20th to the 22nd", got)
	}
	if want := time.Date(2026, 11, 20, 1, 0, 0, 0, time.UTC); !got[0].Due.Equal(want) {
		t.Errorf("due = %s, want %s", got[0].Due, want)
	}
	e.Retention = 36 * time.Hour
	if got := Owed(e, now); len(got) != 1 {
		t.Errorf("Owed() beyond retention = %d, want 1", len(got))
	}
	e.Start, e.Retention, e.Approved = calendar.Date{}, 30*24*time.Hour, time.Date(2026, 11, 22, 1, 0, 1, 0, time.UTC)
	if got := Owed(e, now); len(got) != 0 {
		t.Errorf("Owed() approved after the last due time = %+v, want none", got)
	}
	e.Approved = time.Time{}
	e.Owes = func(due time.Time) bool { return due.Day() != 21 } // paused
	if got := Owed(e, now); len(got) < 2 || got[len(got)-1].ExportDate != "2026-11-22" || got[len(got)-2].ExportDate != "2026-11-20" {
		t.Errorf("Owed() paused on the 21st = %+v, want the 20th and the 22nd last", got)
	}
}
