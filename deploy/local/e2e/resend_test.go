package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/customer-exports/exports/deploy/local/demo"
	"github.com/customer-exports/exports/deploy/local/stack"
	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
)

// resend has a run delivered once more, and waits for its end.
func resend(t *testing.T, s *stack.Stack, run *planv1.Run) *planv1.Run {
	t.Helper()
	runs := planv1.NewRunServiceClient(dial(t, s.Ports.Planner))
	answer, err := runs.Resend(t.Context(), &planv1.ResendRequest{RunId: run.GetRef().GetRunId(), Author: ann, Reason: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return end(t, s, answer.GetRun())
}

func manifestOf(t *testing.T, s *stack.Stack, e demo.Engagement, run *planv1.Run) *drop.Manifest {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(bucketOf(s, e), filepath.FromSlash(run.GetManifestKey())))
	if err != nil {
		t.Fatal(err)
	}
	m, err := drop.ParseManifest(data)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestResend delivers a drop once more, and that one again: the same bytes each time, and nothing asked of the source.
func TestResend(t *testing.T) {
	s := stackFor(t, nil)
	results, _ := deliver(t, s, small(0))
	first, e := results[0].Run, results[0].Engagement
	verified(t, s, first)
	asked, before := len(s.Warehouse.Queries()), manifestOf(t, s, e, first)
	last := first
	for range 2 {
		next := resend(t, s, last)
		if next.GetState() != planv1.RunState_RUN_STATE_COMMITTED || next.GetSupersedesRunId() != last.GetRef().GetRunId() {
			t.Fatalf("the run that follows %s is %s for %q", next.GetSupersedesRunId(), next.GetState(), reasons(next))
		}
		sameBytes(t, s, e, before, manifestOf(t, s, e, next))
		pointsTo(t, s, e, next)
		verified(t, s, next)
		last = next
	}
	if queries := s.Warehouse.Queries(); len(queries) != asked {
		t.Errorf("the source was asked %d times: %v", len(queries)-asked, queries[asked:])
	}
}

// sameBytes compares every file of two drops, as they lie there.
func sameBytes(t *testing.T, s *stack.Stack, e demo.Engagement, first, next *drop.Manifest) {
	t.Helper()
	if next.ResendsRunID != first.RunID || !next.AsOfTime.Equal(first.AsOfTime) || !next.CommitTime.After(first.CommitTime) {
		t.Errorf("the manifest of %s resends %q as of %s", next.RunID, next.ResendsRunID, next.AsOfTime)
	}
	digest := func(f drop.File) string {
		data, err := os.ReadFile(filepath.Join(bucketOf(s, e), filepath.FromSlash(f.Key)))
		if err != nil {
			t.Error(err)
		}
		return drop.Digest(data)
	}
	for i, table := range first.Tables {
		if len(next.Tables) != len(first.Tables) || len(next.Tables[i].Files) != len(table.Files) || next.Tables[i].RowCount != table.RowCount {
			t.Fatalf("table %s is not the same in %s: %+v", table.Table, next.RunID, next.Tables)
		}
		for j, file := range table.Files {
			again := next.Tables[i].Files[j]
			if want := strings.Replace(file.Key, first.RunID, next.RunID, 1); again.Key != want || again.SHA256 != file.SHA256 || digest(again) != digest(file) {
				t.Errorf("%s holds %s, want the bytes of %s, %s", again.Key, digest(again), file.Key, file.SHA256)
			}
		}
	}
}

// TestResendOfAFileThatIsGone fails by name, shows nothing, and is mended by reading the source.
func TestResendOfAFileThatIsGone(t *testing.T) {
	s := stackFor(t, nil)
	results, _ := deliver(t, s, small(0))
	first, e := results[0].Run, results[0].Engagement
	tables := manifestOf(t, s, e, first).Tables
	lost := tables[len(tables)-1].Files[0].Key // not of the bystander, whose failures do not count
	if err := os.Remove(filepath.Join(bucketOf(s, e), filepath.FromSlash(lost))); err != nil {
		t.Fatal(err)
	}
	before := visible(t, s, e)
	second := resend(t, s, first)
	if second.GetState() != planv1.RunState_RUN_STATE_FAILED || !slices.Equal(reasons(second), []string{string(fault.ReasonFileGone)}) {
		t.Fatalf("the run is %s for %q, want failed for FILE_GONE", second.GetState(), reasons(second))
	}
	if message := second.GetFailures()[0].GetMessage(); !strings.Contains(message, lost) || !strings.Contains(message, "ReExtract") {
		t.Errorf("the failure %q names neither the file nor the remedy", message)
	}
	for _, key := range visible(t, s, e) {
		if !slices.Contains(before, key) && key != drop.StartedKey(second.GetRef().GetExportDate(), second.GetRef().GetRunId()) {
			t.Errorf("%s is visible of a run that failed", key)
		}
	}
	pointsTo(t, s, e, first)
	runs := planv1.NewRunServiceClient(dial(t, s.Ports.Planner))
	answer, err := runs.ReExtract(t.Context(), &planv1.ReExtractRequest{RunId: second.GetRef().GetRunId(), Author: ann, Reason: "test"})
	if err != nil {
		t.Fatal(err)
	}
	third := end(t, s, answer.GetRun())
	if third.GetState() != planv1.RunState_RUN_STATE_COMMITTED || third.GetResendsRunId() != "" {
		t.Fatalf("the run that reads is %s for %q", third.GetState(), reasons(third))
	}
	verified(t, s, third)
}
