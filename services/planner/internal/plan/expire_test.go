package plan_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/bus/bustest"
	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/planner/internal/run"
)

// month is how long the drops of these tests are kept.
const month = 30 * 24 * time.Hour

// TestADropGoesWhenItsTimeHasCome has two dates delivered, of which only the older one goes while the export goes on.
func TestADropGoesWhenItsTimeHasCome(t *testing.T) {
	c, export := &clock{at: now}, acme("acme-daily", "02:00")
	p, b := planner(t, bustest.Start(t), c, export)
	ticked(t, p)
	older, newer := "acme-daily-20260111-1", "acme-daily-20260112-1"
	deliverRun(t, p, older)
	deliverRun(t, p, newer)
	export.Terms[0].Owed = false // so that nothing else is planned
	deletions := func() (ids []string) {
		all, _ := tasks(t, b)
		for _, id := range all {
			if strings.HasSuffix(id, ".expire") {
				ids = append(ids, id)
			}
		}
		return ids
	}
	c.move(month - time.Second)
	ticked(t, p)
	same(t, "deletions before the time", []string(nil), deletions())
	c.move(time.Second)
	ticked(t, p)
	same(t, "deletions at the time", []string{older + ".expire"}, deletions())
	drops, err := p.Outlook(t.Context(), "acme-daily", time.Time{})
	if err != nil || len(drops) != 2 || drops[0].GetFate() != planv1.DropFate_DROP_FATE_NEWEST || drops[1].GetFate() != planv1.DropFate_DROP_FATE_EXPIRING {
		t.Errorf("the outlook is %v, %v; want that of the newest drop, and one that is on its way out", drops, err)
	}
	if _, err := p.Outlook(t.Context(), "globex-daily", time.Time{}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("the outlook of no export = %v, want NOT_FOUND", err)
	}
	for range 2 { // the answer was lost
		if err := p.NoteExpired(t.Context(), older); err != nil {
			t.Fatal(err)
		}
	}
	if e := told(t, b, "run.expired"); e.GetRunId() != older {
		t.Errorf("told %v", e)
	}
	export.State = configv1.ExportState_EXPORT_STATE_ARCHIVED
	ticked(t, p)
	if !slices.Contains(deletions(), newer+".expire") {
		t.Errorf("deletions after the export was archived: %q, want that of its newest drop too", deletions())
	}
}

// TestASupersededDropGoes an hour after the one that took its place, whichever way that came.
func TestASupersededDropGoes(t *testing.T) {
	c := &clock{at: now}
	p, b := started(t, bustest.Start(t), c)
	deliverRun(t, p, runID)
	next, err := p.Resend(t.Context(), runID, ann)
	if err != nil {
		t.Fatal(err)
	}
	for _, receipt := range receipts("second") {
		if _, err := p.Receive(t.Context(), next.GetRef().GetRunId(), receipt); err != nil {
			t.Fatal(err)
		}
	}
	deletion := func() *taskv1.ExpireWork {
		ticked(t, p)
		all, messages := tasks(t, b)
		i := slices.Index(all, runID+".expire")
		if i < 0 {
			return nil
		}
		task := &taskv1.Task{}
		if err := proto.Unmarshal(messages[i].Data, task); err != nil {
			t.Fatal(err)
		}
		return task.GetExpire()
	}
	c.move(2 * run.Handover)
	if deletion() != nil {
		t.Error("the drop goes before the next one is there")
	}
	if err := p.Commit(t.Context(), next.GetRef().GetRunId(), "m.json", p.Now(), p.Now().Add(month)); err != nil {
		t.Fatal(err)
	}
	c.move(run.Handover - time.Second)
	if deletion() != nil {
		t.Error("the drop goes while somebody may be reading it")
	}
	c.move(time.Second)
	if work := deletion(); work.GetSupersededBy().GetRunId() != next.GetRef().GetRunId() {
		t.Errorf("the deletion is %v, want one for run %s", work, next.GetRef().GetRunId())
	}
}

// TestAWithheldDeletionIsToldOnce has a customer withhold the right to delete.
func TestAWithheldDeletionIsToldOnce(t *testing.T) {
	c, export := &clock{at: now}, acme("acme-daily", "02:00")
	p, b := planner(t, bustest.Start(t), c, export)
	ticked(t, p)
	id := "acme-daily-20260111-1"
	deliverRun(t, p, id)
	export.Terms[0].Owed, export.State = false, configv1.ExportState_EXPORT_STATE_ARCHIVED
	c.move(month)
	ticked(t, p)
	denied := &planv1.Failure{
		TaskId: id + ".expire", Attempt: 1, Reason: string(fault.ReasonBucketDenied), Message: "no right to delete", FailTime: timestamppb.New(c.now()),
	}
	if err := p.Fail(t.Context(), id, denied); err != nil {
		t.Fatal(err)
	}
	if e := told(t, b, "run.kept_beyond_retention"); e.GetRunId() != id || e.GetReason() != string(fault.ReasonBucketDenied) {
		t.Errorf("told %v", e)
	}
	bury(t, b, id+".expire")
	for range 3 {
		c.move(24 * time.Hour)
		ticked(t, p)
	}
	if all, _ := tasks(t, b); slices.Contains(all, id+".expire") {
		t.Error("the deletion is queued again, although the bucket does not let us")
	}
	if r, err := p.Store.Get(t.Context(), id); err != nil || r.GetState() != run.Expiring || len(r.GetFailures()) != 1 {
		t.Errorf("the run is %s with failures %v, %v; want expiring with one", run.Word(r.GetState()), r.GetFailures(), err)
	}
}
