package sla

import (
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

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
	at := func(day int) *timestamppb.Timestamp {
		return timestamppb.New(time.Date(2026, 11, day, 12, 0, 0, 0, time.UTC))
	}
	schedule := &configv1.Schedule{TimeOfDay: "02:00", TimeZone: "Europe/Berlin"}
	e := &configv1.Export{ExportId: "acme-daily", CustomerId: "acme", Terms: []*configv1.Term{
		{Revision: 1, EffectiveTime: at(19), Owed: true, Schedule: schedule, RetentionDays: 30},
		{Revision: 2, EffectiveTime: at(20), Schedule: schedule, RetentionDays: 30}, // paused
		{Revision: 3, EffectiveTime: at(21), Owed: true, Schedule: schedule, RetentionDays: 30},
	}}
	now := time.Date(2026, 11, 23, 0, 59, 59, 0, time.UTC) // a second before the due time of the 23rd
	got, err := Owed(e, "Acme", now)
	if err != nil {
		t.Fatal(err)
	}
	due := time.Date(2026, 11, 20, 1, 0, 0, 0, time.UTC)
	want := []Expectation{
		{"acme", "Acme", "acme-daily", 1, "2026-11-20", due, due.AddDate(0, 0, 1)},
		{"acme", "Acme", "acme-daily", 3, "2026-11-22", due.AddDate(0, 0, 2), due.AddDate(0, 0, 3)},
	}
	if !slices.Equal(want, got) {
		t.Errorf("Owed() = %v, want %v", got, want)
	}
	e.Terms = nil
	if got, err := Owed(e, "Acme", now); err != nil || len(got) > 0 {
		t.Errorf("Owed() before the first approval = %v, %v, want nothing", got, err)
	}
}
