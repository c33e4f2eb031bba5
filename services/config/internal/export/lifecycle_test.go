package export_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/audit"
	"github.com/customer-exports/exports/services/config/internal/export"
)

func pageOf(size int) export.Page { return export.Page{Size: size} }

func TestUpdate(t *testing.T) {
	r := start(t)
	before := r.active(t)
	d := draft("acme-daily", "bella") // an export keeps its customer, whatever the draft says
	d.Spec = spec("acme")
	d.Spec.RetentionDays = 7
	updated, err := r.UpdateExport(t.Context(), d, before.GetEtag())
	if err != nil {
		t.Fatal(err)
	}
	if updated.GetRevision().GetRevision() != 2 || updated.GetCustomerId() != "acme" || updated.GetEtag() == before.GetEtag() {
		t.Errorf("updated = %v, want revision 2 of acme and a new etag", updated)
	}
	for _, etag := range []string{before.GetEtag(), "", "x", "0" + updated.GetEtag()} {
		if _, err := r.UpdateExport(t.Context(), d, etag); fault.ReasonOf(err) != fault.ReasonStaleEtag || fault.KindOf(err) != fault.State {
			t.Errorf("UpdateExport with etag %q = %v, want STALE_ETAG", etag, err)
		}
	}
	again, err := r.UpdateExport(t.Context(), d, updated.GetEtag())
	if err != nil || again.GetEtag() != updated.GetEtag() {
		t.Errorf("an update that changes nothing = %v, %v, want the export as it is", again, err)
	}
	if _, err := r.UpdateExport(t.Context(), draft("nothing", "acme"), "1"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("updating what is not there = %v, want a fault of kind NOT_FOUND", err)
	}
	first, customer, err := r.Revision(t.Context(), "acme-daily", 1, false)
	if err != nil || first.GetState() != configv1.RevisionState_REVISION_STATE_REPLACED || customer.GetDisplayName() != "The acme" {
		t.Errorf("revision 1 = %v of %v, %v: runs that were due under it still need it", first, customer, err)
	}
}

func TestUpdateOfSomeFields(t *testing.T) {
	r := start(t)
	before := r.active(t)
	d := export.Draft{
		ExportID: "acme-daily", By: by("op@example.com"), Spec: &configv1.ExportSpec{RetentionDays: 7, StartDate: "2026-01-01"},
		Mask: &fieldmaskpb.FieldMask{Paths: []string{"retention_days"}},
	}
	e, err := r.UpdateExport(t.Context(), d, before.GetEtag())
	if err != nil {
		t.Fatal(err)
	}
	changes := e.GetRevision().GetChanges()
	if len(changes) != 1 || changes[0].GetPath() != "spec.retention_days" || changes[0].GetBefore() != "30" || changes[0].GetAfter() != "7" {
		t.Errorf("changes = %v, want retention_days alone", changes)
	}
	d.Mask.Paths = []string{"retention"}
	if _, err := r.UpdateExport(t.Context(), d, e.GetEtag()); fault.KindOf(err) != fault.Invalid {
		t.Errorf("an unknown path = %v, want an invalid request", err)
	}
}

// TestTermsKeepTheirTimes replaces a revision: what fell due in its time is judged by it still.
func TestTermsKeepTheirTimes(t *testing.T) {
	r := start(t)
	r.active(t)
	if _, err := r.update(t, func(s *configv1.ExportSpec) {
		s.Schedule = cron("30 4 * * MON-FRI")
		s.Deadline, s.RetentionDays, s.StartDate = durationpb.New(6*time.Hour), 7, "2026-12-01"
	}); err != nil {
		t.Fatal(err)
	}
	r.clock.move(time.Hour)
	weekends := &configv1.Schedule{TimeOfDay: "03:00", TimeZone: "UTC", Weekdays: []configv1.Weekday{6, 7}}
	e, err := r.update(t, func(s *configv1.ExportSpec) { s.Schedule = weekends })
	if err != nil {
		t.Fatal(err)
	}
	want := []*configv1.Term{
		{Revision: 1, Schedule: spec("acme").GetSchedule(), Deadline: durationpb.New(24 * time.Hour), RetentionDays: 30},
		{Revision: 2, Schedule: cron("30 4 * * MON-FRI"), Deadline: durationpb.New(6 * time.Hour), RetentionDays: 7, StartDate: "2026-12-01"},
		{Revision: 3, Schedule: weekends, Deadline: durationpb.New(6 * time.Hour), RetentionDays: 7, StartDate: "2026-12-01"},
	}
	if diff := cmp.Diff(want, e.GetTerms(), protocmp.Transform(), protocmp.IgnoreFields(&configv1.Term{}, "effective_time", "owed")); diff != "" {
		t.Errorf("terms (-want +got):\n%s", diff)
	}
}

func TestPauseResumeArchive(t *testing.T) {
	r, second := start(t), by("second@example.com")
	e := r.active(t)
	if _, err := r.Resume(t.Context(), "acme-daily", e.GetEtag(), second); fault.ReasonOf(err) != fault.ReasonNotActive {
		t.Errorf("resuming an active export = %v, want NOT_ACTIVE", err)
	}
	if _, err := r.Archive(t.Context(), "acme-daily", e.GetEtag(), second); fault.ReasonOf(err) != fault.ReasonNotActive {
		t.Errorf("archiving an active export = %v, want NOT_ACTIVE", err)
	}
	if _, err := r.update(t, func(s *configv1.ExportSpec) { s.Destination.Bucket = "acme-data-2" }); err != nil {
		t.Fatal(err)
	}
	e, err := r.Export(t.Context(), "acme-daily")
	if err != nil {
		t.Fatal(err)
	}
	r.clock.move(time.Hour)
	e, err = r.Pause(t.Context(), "acme-daily", e.GetEtag(), by("op@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	pending := e.GetPendingRevision()
	if e.GetState() != configv1.ExportState_EXPORT_STATE_ACTIVE || !pending.GetSpec().GetPaused() || pending.GetSpec().GetDestination().GetBucket() != "acme-data" {
		t.Fatalf("paused = %v, want it to await approval and to bring nothing else", e)
	}
	if e, err = r.Approve(t.Context(), "acme-daily", pending.GetRevision(), second); err != nil || e.GetState() != configv1.ExportState_EXPORT_STATE_PAUSED {
		t.Fatalf("approved pause = %v, %v", e.GetState(), err)
	}
	r.clock.move(time.Hour)
	if e, err = r.Resume(t.Context(), "acme-daily", e.GetEtag(), by("op@example.com")); err != nil || e.GetState() != configv1.ExportState_EXPORT_STATE_ACTIVE {
		t.Fatalf("resumed = %v, %v, want it active at once", e, err)
	}
	var owed []bool
	for _, term := range e.GetTerms() {
		owed = append(owed, term.GetOwed())
	}
	if diff := cmp.Diff([]bool{true, false, true}, owed); diff != "" {
		t.Errorf("terms owed (-want +got):\n%s", diff)
	}
	if e, err = r.Pause(t.Context(), "acme-daily", e.GetEtag(), by("op@example.com")); err != nil {
		t.Fatal(err)
	}
	if e, err = r.Approve(t.Context(), "acme-daily", e.GetPendingRevision().GetRevision(), second); err != nil {
		t.Fatal(err)
	}
	if e, err = r.Archive(t.Context(), "acme-daily", e.GetEtag(), by("op@example.com")); err != nil || e.GetState() != configv1.ExportState_EXPORT_STATE_ARCHIVED {
		t.Fatalf("archived = %v, %v", e, err)
	}
	if _, err := r.Resume(t.Context(), "acme-daily", e.GetEtag(), second); fault.ReasonOf(err) != fault.ReasonArchived {
		t.Errorf("resuming an archived export = %v, want ARCHIVED", err)
	}
	free := draft("bella-daily", "bella") // an archived export claims no locations any more
	free.Spec.Scope.LocationIds = []string{"acme-1"}
	if _, err := r.CreateExport(t.Context(), free); err != nil {
		t.Errorf("a location of an archived export = %v, want it free", err)
	}
}

func TestArchiveOfWhatNeverWasInForce(t *testing.T) {
	r := start(t)
	e, err := r.CreateExport(t.Context(), draft("acme-daily", "acme"))
	if err != nil {
		t.Fatal(err)
	}
	if e, err = r.Archive(t.Context(), "acme-daily", e.GetEtag(), by("op@example.com")); err != nil || e.GetState() != configv1.ExportState_EXPORT_STATE_ARCHIVED {
		t.Errorf("archived = %v, %v", e, err)
	}
	for _, term := range e.GetTerms() {
		if term.GetOwed() {
			t.Errorf("term %v is owed", term)
		}
	}
}

func TestApply(t *testing.T) {
	r := start(t)
	d := draft("acme-daily", "acme")
	dry, err := r.Apply(t.Context(), d, "", true)
	if err != nil || dry.Outcome != configv1.ApplyOutcome_APPLY_OUTCOME_CREATED || dry.Export != nil || len(dry.Causes) != 1 || len(dry.Changes) == 0 {
		t.Fatalf("dry run of a new export = %+v, %v", dry, err)
	}
	if _, err := r.Export(t.Context(), "acme-daily"); fault.KindOf(err) != fault.NotFound {
		t.Fatalf("after a dry run Export = %v, want NOT_FOUND", err)
	}
	created, err := r.Apply(t.Context(), d, "", false)
	if err != nil || created.Export.GetPendingRevision().GetRevision() != 1 {
		t.Fatalf("applied = %+v, %v", created, err)
	}
	same, err := r.Apply(t.Context(), d, created.Export.GetEtag(), false)
	if err != nil || same.Outcome != configv1.ApplyOutcome_APPLY_OUTCOME_UNCHANGED || same.Export.GetEtag() != created.Export.GetEtag() || len(same.Changes) > 0 {
		t.Fatalf("applied again = %+v, %v, want it unchanged", same, err)
	}
	d.Spec.RetentionDays = 7
	if _, err := r.Apply(t.Context(), d, "1", false); fault.ReasonOf(err) != fault.ReasonStaleEtag {
		t.Errorf("with a stale etag = %v, want STALE_ETAG", err)
	}
	updated, err := r.Apply(t.Context(), d, "", false)
	if err != nil || updated.Outcome != configv1.ApplyOutcome_APPLY_OUTCOME_UPDATED || len(updated.Changes) != 1 {
		t.Errorf("applied with a change = %+v, %v", updated, err)
	}
	d.CustomerID = "bella"
	if _, err := r.Apply(t.Context(), d, "", false); fault.KindOf(err) != fault.Invalid {
		t.Errorf("with another customer = %v, want an invalid request", err)
	}
}

func TestSourceIsAskedForNewNamesOnly(t *testing.T) {
	r := start(t)
	r.active(t)
	asked := r.source.asked.Load()
	delete(r.source.brandOf, "acme-1") // closed since
	if _, err := r.update(t, func(s *configv1.ExportSpec) { s.RetentionDays = 7 }); err != nil || r.source.asked.Load() != asked {
		t.Errorf("a change elsewhere = %v after %d questions, want it accepted without asking", err, r.source.asked.Load()-asked)
	}
	if _, err := r.update(t, func(s *configv1.ExportSpec) { s.Scope.LocationIds = append(s.Scope.LocationIds, "acme-3") }); err != nil {
		t.Errorf("a new location beside one that is gone = %v, want it accepted", err)
	}
	r.source.away = true
	_, err := r.update(t, func(s *configv1.ExportSpec) { s.Scope.LocationIds = append(s.Scope.LocationIds, "acme-4") })
	if fault.KindOf(err) != fault.Unavailable {
		t.Errorf("without a source = %v, want Unavailable", err)
	}
}

// TestLostAnswerIsGivenAgain repeats requests that were carried out, as somebody does whose answers never came.
func TestLostAnswerIsGivenAgain(t *testing.T) {
	r := start(t)
	as := func(requestID string) context.Context {
		return audit.WithEvent(t.Context(), &configv1.AuditEvent{RequestId: requestID})
	}
	for range 2 {
		if _, err := r.CreateExport(as("create"), draft("acme-daily", "acme")); err != nil {
			t.Fatalf("CreateExport = %v", err)
		}
	}
	for range 2 {
		e, err := r.Approve(as("approve"), "acme-daily", 1, by("second@example.com"))
		if err != nil || e.GetState() != configv1.ExportState_EXPORT_STATE_ACTIVE {
			t.Fatalf("Approve = %v, %v", e, err)
		}
	}
	before, err := r.Export(t.Context(), "acme-daily")
	if err != nil {
		t.Fatal(err)
	}
	d := draft("acme-daily", "acme")
	d.Spec.RetentionDays = 7
	for range 2 {
		ctx := as("update")
		e, err := r.UpdateExport(ctx, d, before.GetEtag())
		if err != nil || e.GetRevision().GetRevision() != 2 || audit.Event(ctx).GetRevision() != 2 {
			t.Fatalf("UpdateExport = %v, %v, audited as revision %d", e, err, audit.Event(ctx).GetRevision())
		}
	}
	if _, err := r.UpdateExport(as("another"), d, before.GetEtag()); fault.ReasonOf(err) != fault.ReasonStaleEtag {
		t.Errorf("another request = %v, want STALE_ETAG", err)
	}
	if _, err := r.UpdateExport(t.Context(), d, before.GetEtag()); fault.ReasonOf(err) != fault.ReasonStaleEtag {
		t.Errorf("a request without an id = %v, want STALE_ETAG", err)
	}
}
