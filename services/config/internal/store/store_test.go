package store_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/customer-exports/exports/pkg/bus"
	"github.com/customer-exports/exports/pkg/bus/bustest"
	"github.com/customer-exports/exports/pkg/fault"
	commonv1 "github.com/customer-exports/exports/proto/exports/common/v1"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/export"
	"github.com/customer-exports/exports/services/config/internal/store"
)

func open(t *testing.T) (*store.Store, jetstream.KeyValue) {
	t.Helper()
	b, err := bus.Connect(t.Context(), bus.Config{URL: bustest.Start(t)}, "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	kv, err := b.EnsureBucket(t.Context(), store.Bucket)
	if err != nil {
		t.Fatal(err)
	}
	return store.New(kv), kv
}

func newExport(author string) *configv1.Export {
	return &configv1.Export{ExportId: "acme-daily", CustomerId: "acme", Revision: &configv1.Revision{Author: author}}
}

// TestWritersRace lets many operators create, then update, the same export: one wins each time, and what is read is
// what the winner wrote.
func TestWritersRace(t *testing.T) {
	s, _ := open(t)
	winner := race(t, func(e *configv1.Export) error { return s.AddExport(t.Context(), e) }, newExport, fault.Exists)
	sameAsStored(t, s, winner)
	next := func(author string) *configv1.Export {
		e := proto.CloneOf(winner)
		e.Revision = &configv1.Revision{Author: author}
		return e
	}
	second := race(t, func(e *configv1.Export) error { return s.ReplaceExport(t.Context(), e) }, next, fault.State)
	sameAsStored(t, s, second)
	for number := range second.GetRevision().GetRevision() + 20 {
		_, _, err := s.Revision(t.Context(), "acme-daily", number)
		inForce := number == winner.GetRevision().GetRevision() || number == second.GetRevision().GetRevision()
		if inForce != (err == nil) || !inForce && fault.KindOf(err) != fault.NotFound {
			t.Errorf("Revision(%d) = %v, in force: %t", number, err, inForce)
		}
	}
}

func race(t *testing.T, write func(*configv1.Export) error, make func(author string) *configv1.Export, lost fault.Kind) *configv1.Export {
	t.Helper()
	var wait sync.WaitGroup
	var mu sync.Mutex
	var winners []*configv1.Export
	for i := range 8 {
		wait.Go(func() {
			e := make(fmt.Sprint("operator ", i))
			err := write(e)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				winners = append(winners, e)
			} else if fault.KindOf(err) != lost {
				t.Errorf("a loser gets %v, want kind %s", err, lost)
			}
		})
	}
	wait.Wait()
	if len(winners) != 1 {
		t.Fatalf("%d writers won, want 1", len(winners))
	}
	return winners[0]
}

func sameAsStored(t *testing.T, s *store.Store, want *configv1.Export) {
	t.Helper()
	got, err := s.Export(t.Context(), want.GetExportId())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("stored export (-written +read):\n%s", diff)
	}
}

// TestAbandonedRevision leaves behind what a crash between the two writes would.
func TestAbandonedRevision(t *testing.T) {
	s, kv := open(t)
	if _, err := kv.Create(t.Context(), "revision.acme-daily.1", []byte("never approved")); err != nil {
		t.Fatal(err)
	}
	e := newExport("operator")
	if err := s.AddExport(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	sameAsStored(t, s, e)
	if _, _, err := s.Revision(t.Context(), "acme-daily", 1); fault.KindOf(err) != fault.NotFound {
		t.Errorf("Revision(1) = %v, want a fault of kind NOT_FOUND: it was never in force", err)
	}
}

func TestRevisionIsPinned(t *testing.T) {
	s, kv := open(t)
	if err := s.AddExport(t.Context(), newExport("operator")); err != nil {
		t.Fatal(err)
	}
	forged, err := proto.Marshal(&configv1.Revision{Revision: 1, Author: "somebody else"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Put(t.Context(), "revision.acme-daily.1", forged); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Export(t.Context(), "acme-daily"); fault.KindOf(err) != fault.DataLoss {
		t.Errorf("Export with a changed revision = %v, want a fault of kind DATA_LOSS", err)
	}
}

// TestBiggestScope stores 50,000 ids in the form of UUIDs: more than one NATS message takes.
func TestBiggestScope(t *testing.T) {
	s, _ := open(t)
	e := newExport("operator")
	scope := &commonv1.Scope{Brands: []string{"Bella Pizza"}}
	for i := range 50_000 {
		scope.LocationIds = append(scope.LocationIds, fmt.Sprintf("%036d", i))
	}
	e.Revision.Spec = &configv1.ExportSpec{Scope: scope}
	if err := s.AddExport(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	sameAsStored(t, s, e)
	e.Revision.Spec.RetentionDays = 7
	if err := s.ReplaceExport(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	sameAsStored(t, s, e)
}

func TestBind(t *testing.T) {
	s, _ := open(t)
	if free, err := s.Binding(t.Context(), "acme.data"); err != nil || free != (export.Binding{}) {
		t.Errorf("Binding of a free bucket = %v, %v", free, err)
	}
	first := export.Binding{CustomerID: "acme", ExportID: "acme-daily"}
	for _, b := range []export.Binding{first, {CustomerID: "bella", ExportID: "bella-daily"}, {CustomerID: "acme", ExportID: "acme-2"}} {
		if got, err := s.Bind(t.Context(), "acme.data", b); err != nil || got != first {
			t.Errorf("Bind(%v) = %v, %v, want the first binding", b, got, err)
		}
	}
}
