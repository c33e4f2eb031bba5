package e2e

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/customer-exports/exports/deploy/local/stack"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
)

// TestCancelFreesEverything cancels a run with the settings that services have by default, when one part is half sent
// and the statement of another still runs.
func TestCancelFreesEverything(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	s := stackFor(t, func(c *stack.Config) { c.Settings.PartTargetRows, c.Settings.StallTimeout = 1_000_000, time.Hour })
	end(t, s, begin(t, s, small(0), anHourAgo())) // opens what lasts: sessions, connections, and their goroutines
	e := small(1)
	e.Tables = []string{"FACT_TRANSACTION_ITEMS", "FACT_REVIEWS"}
	held := func() (all []string) {
		for _, q := range s.Warehouse.Queries() {
			if q.Status == "RUNNING" {
				all = append(all, "statement "+q.SQL)
			}
		}
		return slices.Concat(all, below(t, filepath.Join(bucketOf(s, e), uploads)), below(t, temp))
	}
	before, idle := held(), len(working())
	// What is held at first may go meanwhile: the monitor may still be reading the drop that opened what lasts.
	more := func() []string {
		return slices.DeleteFunc(held(), func(one string) bool { return slices.Contains(before, one) })
	}

	for _, m := range moments()[1:] {
		if err := s.Warehouse.Faults().Arm(m.hold); err != nil {
			t.Fatal(err)
		}
	}
	run := begin(t, s, e, anHourAgo())
	eventually(t, "the source holds both parts, and one is being uploaded", func() bool {
		return len(s.Warehouse.Faults().Armed()) == 0 && len(more()) > 1 // the statement, and the upload
	})
	if len(working()) == idle {
		t.Error("nobody moves rows: the test proves nothing")
	}
	runs := planv1.NewRunServiceClient(dial(t, s.Ports.Planner))
	if _, err := runs.CancelRun(t.Context(), &planv1.CancelRunRequest{RunId: run.GetRef().GetRunId(), Author: ann, Reason: "test"}); err != nil {
		t.Fatal(err)
	}
	cancelled := time.Now()
	if !within(t, time.Minute, func() bool { return len(working()) <= idle && len(more()) == 0 }) {
		t.Errorf("still held: %q\n%s", more(), strings.Join(working(), "\n\n"))
	}
	t.Logf("free %s after the operator's word", time.Since(cancelled).Round(10*time.Millisecond)) // within 5 s where nothing else runs
	if r := end(t, s, run); r.GetState() != planv1.RunState_RUN_STATE_CANCELLED || len(r.GetFailures()) != 0 {
		t.Errorf("the run is %s with failures %q, want cancelled without any", r.GetState(), reasons(r))
	}
}

// uploads is where the S3 server keeps what is not complete, below a bucket.
const uploads = ".sgwtmp/multipart"

// below are the files and folders under a folder, which need not be there.
func below(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, _ fs.DirEntry, err error) error {
		if err == nil && path != "." {
			files = append(files, filepath.Join(dir, path))
		}
		return nil // what vanishes meanwhile is what is waited for
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// working are the goroutines that are in the middle of moving rows, at either end.
func working() (stacks []string) {
	all := make([]byte, 16<<20)
	for stack := range strings.SplitSeq(string(all[:runtime.Stack(all, true)]), "\n\n") {
		if slices.ContainsFunc(movers, func(code string) bool { return strings.Contains(stack, code) }) {
			stacks = append(stacks, stack)
		}
	}
	return stacks
}

// movers is the code that every goroutine of an attempt has on its stack.
var movers = []string{
	"/services/extractor/internal/work.", "/services/extractor/internal/snowflake.", "/services/extractor/internal/stream.",
	"/services/delivery/internal/part.", "/services/delivery/internal/upload.", "/services/delivery/internal/encode.", "/gosnowflake/",
}
