package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/customer-exports/exports/deploy/local/demo"
	"github.com/customer-exports/exports/deploy/local/stack"
	"github.com/customer-exports/exports/deploy/local/warehouse"
	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	slav1 "github.com/customer-exports/exports/proto/exports/sla/v1"
)

// TestReExtract has a delivered date read once more: the second drop is what the customer and the monitor go by.
func TestReExtract(t *testing.T) {
	s := stackFor(t, nil)
	results, _ := deliver(t, s, small(0))
	first, runs := results[0], planv1.NewRunServiceClient(dial(t, s.Ports.Planner))
	answer, err := runs.ReExtract(t.Context(), &planv1.ReExtractRequest{RunId: first.Run.GetRef().GetRunId(), Author: ann, Reason: "test"})
	if err != nil {
		t.Fatal(err)
	}
	second := end(t, s, answer.GetRun())
	if want := strings.TrimSuffix(first.Run.GetRef().GetRunId(), "1") + "2"; second.GetRef().GetRunId() != want || second.GetState() != planv1.RunState_RUN_STATE_COMMITTED {
		t.Fatalf("run %s is %s, want %s committed", second.GetRef().GetRunId(), second.GetState(), want)
	}
	pointsTo(t, s, first.Engagement, second)
	verified(t, s, second)
	rows := func(r *planv1.Run) (all []int64) {
		for _, table := range r.GetTables() {
			all = append(all, table.GetMeasuredRowCount())
		}
		return all
	}
	if !slices.Equal(rows(first.Run), rows(second)) {
		t.Errorf("at the same instant %v rows were read, and then %v", rows(first.Run), rows(second))
	}
}

// pointsTo asserts that latest.json names a run.
func pointsTo(t *testing.T, s *stack.Stack, e demo.Engagement, run *planv1.Run) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(bucketOf(s, e), drop.LatestKey))
	if err != nil {
		t.Fatal(err)
	}
	if latest, err := drop.ParseLatest(data); err != nil || latest.RunID != run.GetRef().GetRunId() {
		t.Errorf("latest.json points at %v, %v; want run %s", latest, err, run.GetRef().GetRunId())
	}
}

// verified waits until the monitor has found a run's drop right.
func verified(t *testing.T, s *stack.Stack, run *planv1.Run) {
	t.Helper()
	monitor, ref := slav1.NewSlaServiceClient(dial(t, s.Ports.Monitor)), run.GetRef()
	eventually(t, "the monitor has verified run "+ref.GetRunId(), func() bool {
		answer, err := monitor.GetVerdict(t.Context(), &slav1.GetVerdictRequest{ExportId: ref.GetExportId(), ExportDate: ref.GetExportDate()})
		return err == nil && answer.GetVerdict().GetRunId() == ref.GetRunId() && answer.GetVerdict().GetCondition() == slav1.Condition_CONDITION_VERIFIED
	})
}

// TestCancelRun ends a run while the source works for it.
func TestCancelRun(t *testing.T) {
	s := stackFor(t, func(c *stack.Config) { c.Settings.RunCheck = 200 * time.Millisecond })
	if err := s.Warehouse.Faults().Arm(warehouse.Fault{Kind: warehouse.SlowQuery, SQL: ofExtract, Delay: time.Hour, Times: 99}); err != nil {
		t.Fatal(err)
	}
	e := small(0)
	run := begin(t, s, e, anHourAgo())
	slow := func() (queries []warehouse.Query) {
		for _, q := range s.Warehouse.Queries() {
			if strings.Contains(q.SQL, ofExtract) {
				queries = append(queries, q)
			}
		}
		return queries
	}
	runs, id := planv1.NewRunServiceClient(dial(t, s.Ports.Planner)), run.GetRef().GetRunId()
	now := func() *planv1.Run {
		answer, err := runs.GetRun(t.Context(), &planv1.GetRunRequest{RunId: id})
		if err != nil {
			t.Fatal(err)
		}
		return answer.GetRun()
	}
	eventually(t, "the source works, and the other table is uploaded", func() bool {
		return len(slow()) > 0 && slices.ContainsFunc(now().GetTables(), func(table *planv1.TableProgress) bool {
			return len(table.GetParts()) > 0 && table.GetParts()[0].GetReceived()
		})
	})
	if _, err := runs.CancelRun(t.Context(), &planv1.CancelRunRequest{RunId: id, Author: ann, Reason: "test"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the source has aborted every statement of the run", func() bool {
		return !slices.ContainsFunc(slow(), func(q warehouse.Query) bool { return !q.Aborted })
	})
	eventually(t, "delivery has aborted the uploads", func() bool { return now().GetUploadsAborted() })
	if r := now(); r.GetState() != planv1.RunState_RUN_STATE_CANCELLED || len(r.GetFailures()) != 0 {
		t.Errorf("the run is %s with failures %q, want cancelled without any", r.GetState(), reasons(r))
	}
	for _, key := range visible(t, s, e) {
		if key != drop.StartedKey(run.GetRef().GetExportDate(), id) {
			t.Errorf("%s is in the bucket of a cancelled run", key)
		}
	}
}

// TestLostInstant lets the source have forgotten the due time: the planner takes another one, once, and says so.
func TestLostInstant(t *testing.T) {
	s := stackFor(t, nil)
	gone := warehouse.Fault{Kind: warehouse.QueryError, SQL: ofMeasure, Code: "000707", SQLState: "02000"}
	if err := s.Warehouse.Faults().Arm(gone); err != nil {
		t.Fatal(err)
	}
	e := small(0)
	first := end(t, s, begin(t, s, e, anHourAgo()))
	if first.GetState() != planv1.RunState_RUN_STATE_FAILED || !slices.Equal(reasons(first), []string{string(fault.ReasonSourceAsOfGone)}) {
		t.Fatalf("the first run is %s for %q", first.GetState(), reasons(first))
	}
	second := &planv1.Run{Ref: first.GetRef()}
	second.Ref.RunId = strings.TrimSuffix(first.GetRef().GetRunId(), "1") + "2"
	runs := planv1.NewRunServiceClient(dial(t, s.Ports.Planner))
	eventually(t, "another run is planned", func() bool {
		_, err := runs.GetRun(t.Context(), &planv1.GetRunRequest{RunId: second.GetRef().GetRunId()})
		return err == nil
	})
	second = end(t, s, second)
	if second.GetState() != planv1.RunState_RUN_STATE_COMMITTED || !second.GetAsOfReplanned() {
		t.Fatalf("the second run is %s for %q, as-of re-planned %v", second.GetState(), reasons(second), second.GetAsOfReplanned())
	}
	data, err := os.ReadFile(filepath.Join(bucketOf(s, e), filepath.FromSlash(second.GetManifestKey())))
	if err != nil {
		t.Fatal(err)
	}
	m, err := drop.ParseManifest(data)
	if err != nil || !m.AsOfReplanned || !m.AsOfTime.After(m.DueTime) || !m.AsOfTime.Equal(second.GetRef().GetAsOfTime().AsTime()) {
		t.Errorf("the manifest says %+v, %v", m, err)
	}
	verified(t, s, second)
}

// TestRePlan has a delivered date planned anew after the customer asked for another bucket: the monitor finds the drop there.
func TestRePlan(t *testing.T) {
	s := stackFor(t, nil)
	results, _ := deliver(t, s, small(0))
	first := results[0].Run
	verified(t, s, first)
	moved := moveTo(t, s, results[0].Engagement, "elsewhere")
	runs := planv1.NewRunServiceClient(dial(t, s.Ports.Planner))
	answer, err := runs.RePlan(t.Context(), &planv1.RePlanRequest{RunId: first.GetRef().GetRunId(), Author: ann, Reason: "the bucket is another one"})
	if err != nil {
		t.Fatal(err)
	}
	second := end(t, s, answer.GetRun())
	if second.GetState() != planv1.RunState_RUN_STATE_COMMITTED || second.GetRef().GetRevision() != first.GetRef().GetRevision()+1 {
		t.Fatalf("the second run is %s by revision %d for %q", second.GetState(), second.GetRef().GetRevision(), reasons(second))
	}
	pointsTo(t, s, moved, second)
	verified(t, s, second)
}

// moveTo gives an export another bucket, and returns the engagement as it is then.
func moveTo(t *testing.T, s *stack.Stack, e demo.Engagement, name string) demo.Engagement {
	t.Helper()
	o := demo.OperatorOn(dial(t, s.Ports.Config))
	customer, err := o.Config.GetCustomer(t.Context(), &configv1.GetCustomerRequest{CustomerId: e.CustomerID})
	if err != nil {
		t.Fatal(err)
	}
	moved := e
	moved.CustomerID = name
	destination, err := s.CreateDestination(t.Context(), moved.Bucket(), customer.GetCustomer().GetExternalId())
	if err != nil {
		t.Fatal(err)
	}
	export, err := o.Config.GetExport(t.Context(), &configv1.GetExportRequest{ExportId: e.ExportID()})
	if err != nil {
		t.Fatal(err)
	}
	updated, err := o.Config.UpdateExport(t.Context(), &configv1.UpdateExportRequest{
		ExportId: e.ExportID(), Spec: &configv1.ExportSpec{Destination: destination}, Etag: export.GetExport().GetEtag(), Author: ann, Reason: "test",
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"destination"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = o.Revisions.ApproveRevision(t.Context(), &configv1.ApproveRevisionRequest{
		ExportId: e.ExportID(), Revision: updated.GetExport().GetPendingRevision().GetRevision(), Approver: "ben@localhost", Reason: "test",
	})
	if err != nil {
		t.Fatal(err)
	}
	return moved
}
