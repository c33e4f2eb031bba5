package store_test

import (
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	"github.com/customer-exports/exports/pkg/bus"
	"github.com/customer-exports/exports/pkg/bus/bustest"
	"github.com/customer-exports/exports/pkg/fault"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/planner/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T) *store.Store {
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
	return store.New(kv)
}

func record() *planv1.Run { return &planv1.Run{Ref: &taskv1.RunRef{RunId: "acme-20260110-1"}} }

func TestUpdateLosesNoChange(t *testing.T) {
	s := open(t)
	if err := s.Create(t.Context(), record()); err != nil {
		t.Fatal(err)
	}
	if err := s.Create(t.Context(), record()); fault.KindOf(err) != fault.Exists {
		t.Errorf("creating again = %v, want Exists", err)
	}
	var g errgroup.Group
	for range 24 {
		g.Go(func() error {
			_, changed, err := s.Update(t.Context(), "acme-20260110-1", func(r *planv1.Run) (bool, error) {
				r.Failures = append(r.Failures, &planv1.Failure{})
				return true, nil
			})
			if err == nil && !changed {
				t.Error("a change was not said to be one")
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	r, err := s.Get(t.Context(), "acme-20260110-1")
	if err != nil || len(r.GetFailures()) != 24 {
		t.Errorf("%d changes are stored, %v; want 24", len(r.GetFailures()), err)
	}
}

func TestOneReceiptStands(t *testing.T) {
	s := open(t)
	standing := make([]*deliveryv1.Receipt, 8)
	var g errgroup.Group
	for i := range standing {
		g.Go(func() (err error) {
			offered := &deliveryv1.Receipt{Table: "FACT_REVIEWS", UploadId: string(rune('a' + i))}
			standing[i], err = s.Accept(t.Context(), "acme-20260110-1", offered)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, r := range standing {
		if !proto.Equal(r, standing[0]) {
			t.Errorf("receipts %v and %v both stand", r, standing[0])
		}
	}
	if _, err := s.Receipt(t.Context(), "acme-20260110-1", "FACT_REVIEWS", 1); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a receipt that is not there = %v, want Unavailable", err)
	}
}

func TestRunIDsAreThoseOfRunsOnly(t *testing.T) {
	s := open(t)
	if ids, err := s.RunIDs(t.Context()); len(ids) != 0 || err != nil {
		t.Errorf("an empty bucket lists %q, %v", ids, err)
	}
	if err := s.Create(t.Context(), record()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Accept(t.Context(), "acme-20260110-1", &deliveryv1.Receipt{Table: "DIM_DATES"}); err != nil {
		t.Fatal(err)
	}
	ids, err := s.RunIDs(t.Context())
	if err != nil || len(ids) != 1 || ids[0] != "acme-20260110-1" {
		t.Errorf("RunIDs = %q, %v", ids, err)
	}
}

func TestVersionsGrowWithEachChange(t *testing.T) {
	s, id := open(t), "acme-20260110-1"
	versions := func() map[string]uint64 {
		t.Helper()
		got, err := s.Versions(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := versions(); len(got) != 0 {
		t.Errorf("an empty bucket has versions %v", got)
	}
	if err := s.Create(t.Context(), record()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Accept(t.Context(), id, &deliveryv1.Receipt{Table: "DIM_DATES"}); err != nil {
		t.Fatal(err)
	}
	before := versions()
	if len(before) != 1 || before[id] == 0 {
		t.Errorf("versions = %v, want that of the run alone", before)
	}
	if _, _, err := s.Update(t.Context(), id, func(*planv1.Run) (bool, error) { return false, nil }); err != nil {
		t.Fatal(err)
	}
	if got := versions(); got[id] != before[id] {
		t.Errorf("version %d after no change, want %d", got[id], before[id])
	}
	if _, _, err := s.Update(t.Context(), id, func(*planv1.Run) (bool, error) { return true, nil }); err != nil {
		t.Fatal(err)
	}
	if got := versions(); got[id] <= before[id] {
		t.Errorf("version %d after a change, want above %d", got[id], before[id])
	}
	if r, err := s.At(t.Context(), id, versions()[id]); err != nil || r.GetRef().GetRunId() != id {
		t.Errorf("At the version = %v, %v", r, err)
	}
	if _, err := s.At(t.Context(), id, versions()[id]+1); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("At a version to come = %v, want Unavailable", err)
	}
}
