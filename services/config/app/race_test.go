package app_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/customer-exports/exports/pkg/bus/bustest"
	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

const racers = 64

// race has many operators change one export with the same etag at the same moment, each to days of their own, through two
// instances. Meanwhile is done once they are off. It returns what each was answered, nil for success.
func race(t *testing.T, instances []clients, etag string, meanwhile func()) []error {
	t.Helper()
	// A request that was cut off in the middle is taken over after a minute.
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	answers := make([]error, racers)
	var wait sync.WaitGroup
	off := make(chan struct{})
	for i := range racers {
		wait.Go(func() {
			<-off
			q := &configv1.UpdateExportRequest{
				ExportId: "acme-daily", Spec: spec("acme"), Etag: etag, Author: author, Reason: fmt.Sprint("racer ", i), RequestId: fmt.Sprint("racer-", i),
			}
			q.Spec.RetentionDays = int32(i) + 31
			answers[i] = insist(ctx, instances[i%len(instances)], q)
		})
	}
	close(off)
	meanwhile()
	wait.Wait()
	return answers
}

// insist repeats a request under its id until it is answered, as an operator's script does.
func insist(ctx context.Context, c clients, q *configv1.UpdateExportRequest) error {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		_, err := c.UpdateExport(ctx, q)
		if fault.KindOf(err) != fault.Unavailable {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-ticker.C:
		}
	}
}

func TestOneOfManyUpdatesWins(t *testing.T) {
	url := bustest.Start(t)
	instances := []clients{start(t, url), start(t, url)}
	e := instances[0].onboard(t)
	winner := -1
	for i, err := range race(t, instances, e.GetEtag(), func() {}) {
		switch {
		case err == nil && winner < 0:
			winner = i
		case err == nil:
			t.Errorf("racers %d and %d both won", winner, i)
		case fault.ReasonOf(err) != fault.ReasonStaleEtag || fault.KindOf(err) != fault.State:
			t.Errorf("racer %d = %v, want STALE_ETAG", i, err)
		}
	}
	if winner < 0 {
		t.Fatal("nobody won")
	}
	got, err := instances[1].GetExport(t.Context(), &configv1.GetExportRequest{ExportId: "acme-daily"})
	if err != nil || got.GetExport().GetRevision().GetSpec().GetRetentionDays() != int32(winner)+31 {
		t.Errorf("in force = %v, %v, want racer %d's", got.GetExport().GetRevision(), err, winner)
	}
}

// TestOneWinsAlsoWhenTheServerRestarts takes NATS away in the middle of the race. Whoever's answer is lost asks again, and
// is told what became of it.
func TestOneWinsAlsoWhenTheServerRestarts(t *testing.T) {
	nats := bustest.StartServer(t)
	instances := []clients{start(t, nats.URL()), start(t, nats.URL())}
	e := instances[0].onboard(t)
	won := 0
	for i, err := range race(t, instances, e.GetEtag(), nats.Restart) {
		switch {
		case err == nil:
			won++
		case fault.ReasonOf(err) != fault.ReasonStaleEtag:
			t.Errorf("racer %d = %v, want STALE_ETAG", i, err)
		}
	}
	stored := 0
	for _, revision := range revisions(t, instances[0]) {
		if revision.GetBaseRevision() == 1 {
			stored++
		}
	}
	if won != 1 || stored != 1 {
		t.Errorf("%d racers were told that they won, %d revisions are stored, want one", won, stored)
	}
}

func revisions(t *testing.T, c clients) []*configv1.Revision {
	t.Helper()
	answer, err := c.revisions.ListRevisions(t.Context(), &configv1.ListRevisionsRequest{ExportId: "acme-daily"})
	if err != nil {
		t.Fatal(err)
	}
	return answer.GetRevisions()
}

func TestRestartLosesNothing(t *testing.T) {
	nats := bustest.StartServer(t)
	before := start(t, nats.URL())
	before.onboard(t)
	want, err := before.ListExports(t.Context(), &configv1.ListExportsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	nats.Restart()
	after := start(t, nats.URL())
	got, err := after.ListExports(t.Context(), &configv1.ListExportsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("exports (-before +after the restart):\n%s", diff)
	}
	verified, err := after.audits.VerifyAuditChain(t.Context(), &configv1.VerifyAuditChainRequest{})
	if err != nil || !verified.GetIntact() || verified.GetEventCount() != 3 {
		t.Errorf("audit chain after the restart = %v, %v, want its 3 events", verified, err)
	}
}
