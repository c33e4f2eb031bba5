// Package e2e holds the end-to-end tests: the whole stack over real sockets,
// the genuine Snowflake driver, real NATS and a real S3 server. It owns no
// production code. Start reading at stackFor.
package e2e

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/customer-exports/exports/deploy/local/demo"
	"github.com/customer-exports/exports/deploy/local/stack"
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
	report, err := d.Report(results)
	if err != nil {
		t.Fatal(err)
	}
	return results, report
}

// paths are the files of a table as they lie below the S3 server's root.
func paths(s *stack.Stack, e demo.Engagement, table demo.TableReport) []string {
	files := make([]string, len(table.Files))
	for i, key := range table.Files {
		files[i] = filepath.Join(s.Dir, "s3", e.Bucket(), filepath.FromSlash(key))
	}
	return files
}
