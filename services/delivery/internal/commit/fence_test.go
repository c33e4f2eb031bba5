package commit_test

import (
	"bytes"
	"flag"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
	"github.com/customer-exports/exports/services/delivery/internal/commit"
	"github.com/customer-exports/exports/services/delivery/internal/crashtest"
)

// races is how often two servers commit the same run at the same moment: go test ... -run TwoCommitters -races 200.
var races = flag.Int("races", 40, "how often two servers commit a run at once")

// TestTwoCommittersAtOnce has the task delivered to two servers, as after a stall. Their clocks and versions differ, so that
// each would write a manifest of its own.
func TestTwoCommittersAtOnce(t *testing.T) {
	where := newBucket(t)
	servers := [2]bucket.Bucket{open(t, where), open(t, where)}
	reader := crashtest.NewReader(t, servers[0])
	both := 0
	for i := range *races {
		f := uploadRun(t, where, time.Date(2026, 1, 1+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly))
		errs := f.race(t, servers)
		if errs[0] == nil && errs[1] == nil {
			both++
		}
		key := drop.ManifestKey(f.run.GetExportDate(), f.run.GetRunId())
		before, reports := f.standing(t, key), f.planner.reports
		if err := f.commit(t); err != nil {
			t.Fatalf("race %d: %v after %v", i, err, errs)
		}
		if after := f.get(t, key); before != nil && !bytes.Equal(before, after) {
			t.Errorf("race %d: the manifest was overwritten", i)
		}
		if slices.Contains(errs[:], nil) != (reports > 0) {
			t.Errorf("race %d: %d reports of %v", i, reports, errs)
		}
		f.complete(t)
	}
	if got := len(reader.Look()); got != *races {
		t.Errorf("the reader sees %d drops, want %d", got, *races)
	}
	t.Logf("both servers had done it in %d of %d races", both, *races)
}

// race commits the run by two servers at once.
func (f *fixture) race(t *testing.T, servers [2]bucket.Bucket) (errs [2]error) {
	t.Helper()
	start := make(chan struct{})
	var done sync.WaitGroup
	for i := range errs {
		c := &commit.Committer{
			Planner: f.planner, Revisions: f.committer.Revisions, Buckets: opened{servers[i]}, Tel: f.committer.Tel,
			Producer: []string{"delivery/old", "delivery/new"}[i], Now: func() time.Time { return committedAt.Add(time.Duration(i) * time.Second) },
		}
		done.Go(func() {
			<-start
			errs[i] = c.Commit(t.Context(), f.run, func() {})
		})
	}
	close(start)
	done.Wait()
	for _, err := range errs {
		if _, named := fault.Of(err); err != nil && (!named || !fault.Retryable(err)) {
			t.Errorf("one of two committers: %v", err)
		}
	}
	return errs
}

// standing reads what may not be there.
func (f *fixture) standing(t *testing.T, key string) []byte {
	t.Helper()
	data, _, err := f.bucket.Get(t.Context(), key)
	if err != nil {
		return nil
	}
	return data
}
