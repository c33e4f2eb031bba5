package sim_test

import (
	"flag"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/customer-exports/exports/services/planner/internal/sim"
)

var (
	seeds = flag.Uint64("seeds", 500, "how many seeds to simulate")
	limit = flag.Duration("for", 0, "how long to begin new ones; 0 is no limit")
	from  = flag.Uint64("from", 1, "the first seed; with -seeds 1 it replays a failure")
)

// TestSeeds simulates many worlds: `make test` ten thousand without the race detector, `make soak` as many as it is given
// time for. A failure names its seed, which replays: go test ./services/planner/internal/sim -from <seed> -seeds 1.
func TestSeeds(t *testing.T) {
	var next, failed atomic.Uint64
	var mu sync.Mutex
	var all sim.Report
	var wait sync.WaitGroup
	began := time.Now()
	inTime := func() bool { return *limit == 0 || time.Since(began) < *limit }
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for n := next.Add(1) - 1; n < *seeds && failed.Load() < 5 && inTime(); n = next.Add(1) - 1 {
				report, err := sim.Run(t.Context(), *from+n, sim.Rough())
				if err != nil {
					failed.Add(1)
					t.Error(err)
				}
				mu.Lock()
				all.Add(report)
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	t.Logf("%+v", all)
	if all.Committed == 0 || all.Expired == 0 || *seeds > 100 && (all.Crashes == 0 || all.Faults == 0 || all.Lost == 0 || all.Doubled == 0 || all.Zombies == 0 ||
		all.Deleted == 0 || all.Wiped == 0 || all.Restored == 0 || all.Overtaken == 0 || all.Parked == 0 || all.Outages == 0 || all.Failed == 0 || all.Quarantined == 0 ||
		all.Asked == 0 || all.Resent == 0 || all.Superseded == 0) {
		t.Errorf("too little went wrong to prove anything: %+v", all)
	}
}

// TestPlannersAreKilledAThousandTimes runs three planners through a month.
func TestPlannersAreKilledAThousandTimes(t *testing.T) {
	s := sim.Rough()
	s.Exports, s.Days, s.Crash, s.Between, s.Poison, s.Deadly, s.Foreign = 5, 30, 0.07, 0.3, 0, 0, 0
	report, err := sim.Run(t.Context(), *from, s)
	if err != nil {
		t.Error(err)
	}
	if report.Killed < 1000 || report.Runs < 5*29 {
		t.Errorf("%d planners were killed, %d runs planned, want 1,000 and a month of five exports", report.Killed, report.Runs)
	}
}

// TestThirtyHoursAway stops everything over at least one due time of each export, in half of the worlds two.
func TestThirtyHoursAway(t *testing.T) {
	for seed := range uint64(50) {
		calm := sim.Settings{Planners: 3, Workers: 3, Exports: 2, Days: 2, Away: 30 * time.Hour}
		report, err := sim.Run(t.Context(), seed, calm)
		if err != nil {
			t.Error(err)
		}
		if report.Committed < report.Runs-2 || report.Runs < 6 {
			t.Errorf("seed %d: %+v, want every day but the last delivered", seed, report)
		}
	}
}

// TestOutages has the source and the buckets away for hours, again and again, and nothing else: no run fails for it.
func TestOutages(t *testing.T) {
	var all sim.Report
	for seed := range uint64(200) {
		report, err := sim.Run(t.Context(), seed, sim.Settings{Planners: 3, Workers: 3, Exports: 3, Days: 2, Outage: 0.01})
		if err != nil {
			t.Error(err)
		}
		if report.Failed > 0 {
			t.Errorf("seed %d: %+v, want none failed", seed, report)
		}
		all.Add(report)
	}
	if all.Outages < 500 || all.Parked < 1000 {
		t.Errorf("%d outages, for which tasks were given up %d times, prove little", all.Outages, all.Parked)
	}
}

// TestASeedReplays runs the same world twice.
func TestASeedReplays(t *testing.T) {
	for seed := range uint64(20) {
		first, _ := sim.Run(t.Context(), seed, sim.Rough())
		again, _ := sim.Run(t.Context(), seed, sim.Rough())
		if first != again {
			t.Errorf("seed %d gave %+v, then %+v", seed, first, again)
		}
	}
}
