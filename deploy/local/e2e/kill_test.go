package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"

	"github.com/customer-exports/exports/deploy/local/demo"
	"github.com/customer-exports/exports/deploy/local/stack"
	"github.com/customer-exports/exports/pkg/dictionary"
)

// TestKilledExtractor kills the extractor's process three times in the middle of
// a run and compares the files with those of an undisturbed run of a customer
// with the same scope.
func TestKilledExtractor(t *testing.T) {
	s := stackFor(t, func(c *stack.Config) { c.Without = []string{"extractor"}; c.Settings.Concurrency = 1 })
	calm := demo.Engagements()[0]
	disturbed := calm
	disturbed.CustomerID, disturbed.Name = "bella-twin", "Bella Twin"

	healthy := startExtractor(t, s)
	_, calmReport := deliver(t, s, calm)
	kill(t, healthy)

	go func() { // kills at three different moments
		for _, share := range []float64{0.1, 0.4, 0.7} {
			process := startExtractor(t, s)
			awaitParts(t, s, "bella-twin-daily", share)
			kill(t, process)
		}
		startExtractor(t, s)
	}()
	results, disturbedReport := deliver(t, s, disturbed)

	for i, table := range disturbedReport.Runs[0].Tables {
		layout, err := dictionary.Standard().Layout(table.Table, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := byParquetGo(t, layout, paths(s, calm, calmReport.Runs[0].Tables[i]))
		got := byParquetGo(t, layout, paths(s, results[0].Engagement, table))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s after three kills differs (-calm +killed):\n%s", table.Table, diff)
		}
	}
}

// startExtractor runs the extractor's own binary with the stack's config file.
func startExtractor(t *testing.T, s *stack.Stack) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(filepath.Join(os.Getenv("EXPORTS_BIN"), "extractord"), "-config", s.ConfigPath("extractor"))
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Errorf("starting extractord: %v; `make test` builds it and sets EXPORTS_BIN", err)
		return cmd
	}
	t.Cleanup(func() { kill(t, cmd) })
	return cmd
}

// kill ends the process at once, as a lost machine does. A second call is harmless.
func kill(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if cmd.Process == nil || cmd.ProcessState != nil {
		return
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // the error says that it was killed
}

// awaitParts waits until a share of the run's parts has arrived.
func awaitParts(t *testing.T, s *stack.Stack, exportID string, share float64) {
	t.Helper()
	conn, err := stack.Dial(s.Ports.Planner)
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for arrived(ctx, planv1.NewRunServiceClient(conn), exportID) < share {
		select {
		case <-ctx.Done():
			t.Errorf("waiting for %.0f %% of the parts of %s: %v", 100*share, exportID, ctx.Err())
			return
		case <-ticker.C:
		}
	}
}

// arrived is the share of parts with a receipt, 0 while there are none.
func arrived(ctx context.Context, runs planv1.RunServiceClient, exportID string) float64 {
	list, err := runs.ListRuns(ctx, &planv1.ListRunsRequest{})
	if err != nil {
		return 0
	}
	parts, received := 0, 0
	for _, run := range list.GetRuns() {
		if run.GetRef().GetExportId() != exportID {
			continue
		}
		for _, table := range run.GetTables() {
			for _, part := range table.GetParts() {
				parts++
				if part.GetReceived() {
					received++
				}
			}
		}
	}
	return float64(received) / float64(max(parts, 1))
}
