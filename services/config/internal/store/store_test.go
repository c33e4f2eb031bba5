package store_test

import (
	"fmt"
	"slices"
	"strings"
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

func record(id string) *export.Record { return &export.Record{ExportID: id, CustomerID: "acme"} }

// stage stores a revision and lists it in the record.
func stage(t *testing.T, s *store.Store, r *export.Record, revision *configv1.Revision) {
	t.Helper()
	pin, err := s.Stage(t.Context(), r.ExportID, revision, int64(len(r.Revisions))+1)
	if err != nil {
		t.Fatal(err)
	}
	r.Revisions = append(r.Revisions, export.Standing{Pin: pin})
}

// newest reads a record and its newest revision through a store that has seen neither.
func newest(t *testing.T, kv jetstream.KeyValue, id string) (*export.Record, *configv1.Revision, error) {
	t.Helper()
	s := store.New(kv)
	r, err := s.Record(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	revision, err := s.Revision(t.Context(), id, r.Revisions[len(r.Revisions)-1].Pin)
	return r, revision, err
}

// TestWritersRace lets many operators create, then change, the same export: one wins each time, and what is read is what
// the winner wrote.
func TestWritersRace(t *testing.T) {
	s, kv := open(t)
	before := record("acme-daily")
	for _, lost := range []fault.Kind{fault.Exists, fault.State} {
		var wait sync.WaitGroup
		winners := make(chan *configv1.Revision, 8)
		for i := range 8 {
			wait.Go(func() {
				mine := *before
				mine.Revisions = slices.Clone(before.Revisions)
				revision := &configv1.Revision{Author: fmt.Sprint("operator ", i)}
				stage(t, s, &mine, revision)
				if err := s.Save(t.Context(), &mine); err == nil {
					winners <- revision
				} else if fault.KindOf(err) != lost {
					t.Errorf("a loser gets %v, want kind %s", err, lost)
				}
			})
		}
		wait.Wait()
		if len(winners) != 1 {
			t.Fatalf("%d writers won, want 1", len(winners))
		}
		stored, got, err := newest(t, kv, "acme-daily")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(<-winners, got, protocmp.Transform()); diff != "" {
			t.Errorf("stored revision (-written +read):\n%s", diff)
		}
		before = stored
	}
	if len(before.Revisions) != 2 {
		t.Errorf("%d revisions are listed, want 2", len(before.Revisions))
	}
}

// TestAbandonedRevision leaves behind what a crash between the two writes would.
func TestAbandonedRevision(t *testing.T) {
	s, kv := open(t)
	if _, err := kv.Create(t.Context(), "revision.acme-daily.1", []byte("never listed")); err != nil {
		t.Fatal(err)
	}
	r, revision := record("acme-daily"), &configv1.Revision{Author: "operator"}
	stage(t, s, r, revision)
	if err := s.Save(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if _, got, err := newest(t, kv, "acme-daily"); err != nil || got.GetRevision() != 2 || got.GetAuthor() != "operator" {
		t.Errorf("newest = %v, %v, want number 2: 1 is used up", got, err)
	}
}

func TestRevisionIsPinned(t *testing.T) {
	s, kv := open(t)
	r := record("acme-daily")
	stage(t, s, r, &configv1.Revision{Author: "operator"})
	if err := s.Save(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	forged, err := proto.Marshal(&configv1.Revision{Revision: 1, Author: "somebody else"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Put(t.Context(), "revision.acme-daily.1", forged); err != nil {
		t.Fatal(err)
	}
	if _, _, err := newest(t, kv, "acme-daily"); fault.KindOf(err) != fault.DataLoss {
		t.Errorf("a changed revision = %v, want a fault of kind DATA_LOSS", err)
	}
}

// TestBiggestScope stores 50,000 ids in the form of UUIDs: more than one NATS message takes.
func TestBiggestScope(t *testing.T) {
	s, kv := open(t)
	r, scope := record("acme-daily"), &commonv1.Scope{Brands: []string{"Bella Pizza"}}
	for i := range 50_000 {
		scope.LocationIds = append(scope.LocationIds, fmt.Sprintf("%036d", i))
	}
	revision := &configv1.Revision{Spec: &configv1.ExportSpec{Scope: scope}}
	stage(t, s, r, revision)
	if err := s.Save(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	_, got, err := newest(t, kv, "acme-daily")
	if err != nil || !proto.Equal(revision, got) {
		t.Errorf("%d locations were read, %v, want what was written", len(got.GetSpec().GetScope().GetLocationIds()), err)
	}
	again, err := s.Revision(t.Context(), "acme-daily", r.Revisions[0].Pin)
	if err != nil || !proto.Equal(revision, again) {
		t.Errorf("read a second time: %v", err)
	}
}

// TestListsAreWhole keeps more records than a watch buffers.
func TestListsAreWhole(t *testing.T) {
	s, _ := open(t)
	const n = 600
	for i := range n {
		if err := s.Save(t.Context(), record(fmt.Sprintf("export-%03d", i))); err != nil {
			t.Fatal(err)
		}
	}
	all, err := s.Records(t.Context())
	if err != nil || len(all) != n || !slices.IsSortedFunc(all, func(a, b *export.Record) int { return strings.Compare(a.ExportID, b.ExportID) }) {
		t.Errorf("%d records, %v, want %d in order", len(all), err, n)
	}
	if customers, err := s.Customers(t.Context()); err != nil || len(customers) != 0 {
		t.Errorf("customers = %v, %v, want none", customers, err)
	}
}

func TestPreflight(t *testing.T) {
	s, _ := open(t)
	if _, err := s.Preflight(t.Context(), "acme-daily", 1); fault.KindOf(err) != fault.NotFound {
		t.Errorf("Preflight before any = %v, want NOT_FOUND", err)
	}
	for _, passed := range []bool{false, true} {
		want := &configv1.Preflight{ExportId: "acme-daily", Revision: 1, Passed: passed}
		if err := s.SavePreflight(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Preflight(t.Context(), "acme-daily", 1); err != nil || !proto.Equal(want, got) {
			t.Errorf("Preflight = %v, %v, want %v", got, err, want)
		}
	}
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
