package commit_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/delivery/internal/commit"
	"github.com/customer-exports/exports/services/delivery/internal/parttest"
)

// runs is a planner that says of each run what it is told to, and nil of others: they go on.
type runs map[string]error

func (r runs) Wanted(_ context.Context, runID string) error { return r[runID] }

// TestOrphansAreSwept leaves uploads of runs that ended, of one that goes on, and of another export.
func TestOrphansAreSwept(t *testing.T) {
	f := newFixture(t)
	ended, unknown, other := "acme-daily-20261120-1", "acme-daily-20261120-2", "acme-weekly-20261120-1"
	for _, id := range []string{ended, ended, unknown, other} {
		if _, err := f.bucket.StartUpload(t.Context(), (drop.Format{}).PartKey("FACT_MESSAGES", "2026-11-20", id, 0)); err != nil {
			t.Fatal(err)
		}
	}
	planner := runs{
		ended: fault.New(fault.State, fault.ReasonNotActive, "it is committed"), unknown: fault.New(fault.NotFound, fault.ReasonNotFound, "no such run"),
		other: fault.New(fault.State, fault.ReasonNotActive, "it is committed"),
	}
	later := time.Now().Add(24*time.Hour + time.Minute)
	s := &commit.Sweeper{Runs: planner, Revisions: f.aborter.Revisions, Buckets: f.aborter.Buckets, Tel: f.aborter.Tel, Now: time.Now}
	sweep := func(when string, want int) {
		t.Helper()
		if err := s.Sweep(t.Context(), f.run, func() {}); err != nil {
			t.Errorf("%s: %v", when, err)
		}
		if got := f.uploads(t); got != len(parts)+want {
			t.Errorf("%s: %d uploads are left, want the %d of the run that goes on and %d", when, got, len(parts), want)
		}
	}
	sweep("within a day", 4)
	s.Now = func() time.Time { return later }
	s.Runs = runs{ended: errors.New("away"), unknown: errors.New("away")}
	if err := s.Sweep(t.Context(), f.run, func() {}); err == nil || f.uploads(t) != len(parts)+4 {
		t.Errorf("without the planner: %v and %d uploads, want an error and all", err, f.uploads(t))
	}
	s.Runs = planner
	sweep("after a day", 1)
	sweep("again", 1)
	left, err := f.bucket.ListUploads(t.Context(), drop.Prefix)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range left {
		if !strings.Contains(u.Key, other) && !strings.Contains(u.Key, parttest.Run(date).GetRunId()) {
			t.Errorf("%s is left", u.Key)
		}
	}
	if err := f.commit(t); err != nil {
		t.Fatal(err)
	}
}
