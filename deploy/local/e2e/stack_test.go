// Package e2e holds the end-to-end tests: the whole stack over real sockets,
// the genuine Snowflake driver, real NATS and a real S3 server. It owns no
// production code. Start reading at stackFor.
package e2e

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/customer-exports/exports/deploy/local/demo"
	"github.com/customer-exports/exports/deploy/local/stack"
	"github.com/customer-exports/exports/pkg/drop"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
)

// scale keeps every awkward value and several result chunks in a small data set.
const scale = 0.02

// midnight is when the warehouse's history is restated; yesterday's run reads before it.
func midnight() time.Time { return time.Now().UTC().Truncate(24 * time.Hour) }

// stackFor starts a stack of its own for one test.
func stackFor(t *testing.T, change func(*stack.Config)) *stack.Stack {
	t.Helper()
	dir := t.TempDir()
	cfg := stack.Config{
		Dir: dir, Scale: scale, RestateTime: midnight(), CreateTime: midnight().AddDate(0, 0, -30),
		WarehouseDB: filepath.Join(dir, "warehouse.duckdb"), ChunkRows: 3000, Logger: slog.New(slog.DiscardHandler),
		Settings: stack.Settings{Tick: time.Second, AckWait: 3 * time.Second, StallTimeout: 2 * time.Second, PartTargetRows: 8000},
	}
	if change != nil {
		change(&cfg)
	}
	s, err := stack.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing the stack: %v", err)
		}
	})
	return s
}

// deliver runs the engagements to a verified drop.
func deliver(t *testing.T, s *stack.Stack, engagements ...demo.Engagement) ([]demo.Result, *demo.Report) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	d := &demo.Demo{Stack: s, Engagements: engagements, Out: t.Output(), Now: time.Now}
	results, err := d.Run(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return results, reportOf(t, s, results...)
}

func reportOf(t *testing.T, s *stack.Stack, results ...demo.Result) *demo.Report {
	t.Helper()
	report, err := (&demo.Demo{Stack: s}).Report(results)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// ann asks for things.
const ann = "ann@localhost"

// due is when drops come due: once, because no other date of theirs does while a test lasts.
type due struct{ timeOfDay, date string }

func anHourAgo() due {
	at := time.Now().UTC().Add(-time.Hour)
	return due{at.Format("15:04"), at.Format(time.DateOnly)}
}

// begin onboards a customer and starts its run, which goes on by itself.
func begin(t *testing.T, s *stack.Stack, e demo.Engagement, at due) *planv1.Run {
	t.Helper()
	if err := demo.Onboard(t.Context(), s, demo.OperatorOn(dial(t, s.Ports.Config)), e, at.timeOfDay, at.date); err != nil {
		t.Fatal(err)
	}
	runs := planv1.NewRunServiceClient(dial(t, s.Ports.Planner))
	answer, err := runs.StartRun(t.Context(), &planv1.StartRunRequest{ExportId: e.ExportID(), ExportDate: at.date, Author: ann, Reason: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return answer.GetRun()
}

// end waits until a run has ended, well or badly.
func end(t *testing.T, s *stack.Stack, run *planv1.Run) *planv1.Run {
	t.Helper()
	runs := planv1.NewRunServiceClient(dial(t, s.Ports.Planner))
	eventually(t, "run "+run.GetRef().GetRunId()+" ends", func() bool {
		answer, err := runs.GetRun(t.Context(), &planv1.GetRunRequest{RunId: run.GetRef().GetRunId()})
		if err != nil {
			t.Fatal(err)
		}
		run = answer.GetRun()
		return run.GetState() >= planv1.RunState_RUN_STATE_COMMITTED
	})
	return run
}

func dial(t *testing.T, port int) *grpc.ClientConn {
	t.Helper()
	conn, err := stack.Dial(port)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// within reports whether a condition came true in time.
func within(t *testing.T, limit time.Duration, condition func() bool) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-ctx.Done():
			return false
		case <-ticker.C:
		}
	}
	return true
}

// eventually fails the test when what it waits for does not happen at all.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	if !within(t, time.Minute, condition) {
		t.Fatalf("gave up waiting until %s", what)
	}
}

// paths are the files of a table as they lie below the S3 server's root.
func paths(s *stack.Stack, e demo.Engagement, table demo.TableReport) []string {
	files := make([]string, len(table.Files))
	for i, key := range table.Files {
		files[i] = filepath.Join(bucketOf(s, e), filepath.FromSlash(key))
	}
	return files
}

func bucketOf(s *stack.Stack, e demo.Engagement) string {
	return filepath.Join(s.Dir, "s3", e.Bucket())
}

// visible are the keys of everything that a customer finds of drops, sorted.
func visible(t *testing.T, s *stack.Stack, e demo.Engagement) []string {
	t.Helper()
	var keys []string
	err := fs.WalkDir(os.DirFS(bucketOf(s, e)), filepath.Clean(drop.Prefix), func(key string, entry fs.DirEntry, err error) error {
		// The contract is of none, and comes after them.
		if err == nil && !entry.IsDir() && key != drop.ContractKey(e.ExportID()) {
			keys = append(keys, key)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // before the first object
		t.Fatal(err)
	}
	return keys
}

// promised are the keys that belong to a drop: the manifest's files and four control objects, sorted.
func promised(run demo.RunReport) []string {
	keys := []string{
		drop.LatestKey, drop.ManifestKey(run.ExportDate, run.RunID), drop.StartedKey(run.ExportDate, run.RunID),
		drop.SuccessKey(run.ExportDate, run.RunID),
	}
	for _, table := range run.Tables {
		keys = append(keys, table.Files...)
	}
	slices.Sort(keys)
	return keys
}
