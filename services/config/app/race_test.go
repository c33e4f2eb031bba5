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
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	answers := make([]error, racers)
	var wait sync.WaitGroup
	off := make(chan struct{})
	for i := range racers {
		wait.Go(func() {
			<-off
			q := &configv1.UpdateExportRequest{ExportId: "acme-daily", Spec: spec("acme"), Etag: etag, Author: author, Reason: fmt.Sprint("racer ", i)}
			q.Spec.RetentionDays = int32(i) + 31
			_, answers[i] = instances[i%len(instances)].UpdateExport(ctx, q)
		})
	}
	close(off)
	meanwhile()
	wait.Wait()
	return answers
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

// TestOneWinsAlsoWhenTheServerRestarts takes NATS away in the middle of the race. An operator whose answer was lost is
// told so; at most one change is stored, and none that was answered is lost.
func TestOneWinsAlsoWhenTheServerRestarts(t *testing.T) {
	nats := bustest.StartServer(t)
	instances := []clients{start(t, nats.URL()), start(t, nats.URL())}
	e := instances[0].onboard(t)
	answers := race(t, instances, e.GetEtag(), nats.Restart)
	won := 0
	for i, err := range answers {
		switch kind := fault.KindOf(err); {
		case err == nil:
			won++
		case kind != fault.Unavailable && fault.ReasonOf(err) != fault.ReasonStaleEtag:
			t.Errorf("racer %d = %v, want STALE_ETAG or Unavailable", i, err)
		}
	}
	revisions := awaitRevisions(t, instances[0])
	stored := 0
	for _, revision := range revisions {
		if revision.GetBaseRevision() == 1 {
			stored++
		}
	}
	if won > 1 || stored > 1 || won > stored {
		t.Errorf("%d racers were told that they won, %d revisions are stored, want one at most", won, stored)
	}
	t.Logf("%d won, %d stored", won, stored)
}

// awaitRevisions asks until the service has found the server again.
func awaitRevisions(t *testing.T, c clients) []*configv1.Revision {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		answer, err := c.revisions.ListRevisions(ctx, &configv1.ListRevisionsRequest{ExportId: "acme-daily"})
		if err == nil {
			return answer.GetRevisions()
		}
		select {
		case <-ctx.Done():
			t.Fatalf("ListRevisions after the restart: %v", err)
		case <-ticker.C:
		}
	}
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
