package app_test

import (
	"context"
	"testing"
	"time"

	"github.com/customer-exports/exports/deploy/local/warehouse"
	"github.com/customer-exports/exports/pkg/bus"
	"github.com/customer-exports/exports/pkg/fault"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
)

// eventually waits until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !so() {
		select {
		case <-ctx.Done():
			t.Fatalf("gave up waiting until %s", what)
		case <-ticker.C:
		}
	}
}

// settled waits until no task is left, and asserts that none failed or was given up.
func (r *rig) settled(t *testing.T) {
	t.Helper()
	left := func(name string) uint64 {
		stream, err := r.bus.JetStream().Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		info, err := stream.Info(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return info.State.Msgs
	}
	eventually(t, "no task is left", func() bool { return left(bus.StreamTasks) == 0 })
	if dead := left(bus.StreamDead); dead != 0 {
		t.Errorf("%d tasks were given up", dead)
	}
	select {
	case failure := <-r.peers.failures:
		t.Errorf("a failure was reported: %v", failure)
	default:
	}
}

func (r *rig) lastQuery() warehouse.Query {
	all := r.warehouse.Queries()
	return all[len(all)-1]
}

// The end of a run stops the statement that runs for it at the source.
func TestTheEndOfARunStopsItsStatement(t *testing.T) {
	r := start(t, "FACT_TRANSACTIONS")
	rows := rowsIn(r.measure(t).GetTables()[0])
	if err := r.warehouse.Faults().Arm(warehouse.Fault{Kind: warehouse.SlowQuery, Delay: time.Hour}); err != nil {
		t.Fatal(err)
	}
	before := len(r.warehouse.Queries())
	r.extract(t, ref(), &taskv1.ExtractWork{Table: "FACT_TRANSACTIONS", RowCount: rows})
	eventually(t, "the statement runs", func() bool { return len(r.warehouse.Queries()) > before })
	if query := r.lastQuery(); query.Status != "RUNNING" || query.Aborted {
		t.Fatalf("before the end of the run, the statement is %+v", query)
	}
	r.peers.ended.Store(true)
	eventually(t, "the source has aborted the statement", func() bool { return r.lastQuery().Aborted })
	eventually(t, "the statement has ended", func() bool { return r.lastQuery().Status != "RUNNING" })
	r.settled(t)
}

// The end of a run ends the stream to delivery, which then discards what it was sent.
func TestTheEndOfARunEndsItsUpload(t *testing.T) {
	r := start(t, "FACT_TRANSACTIONS")
	rows := rowsIn(r.measure(t).GetTables()[0])
	second := 1 // the first chunk is sent on meanwhile
	if err := r.warehouse.Faults().Arm(warehouse.Fault{Kind: warehouse.ChunkStall, Chunk: &second}); err != nil {
		t.Fatal(err)
	}
	r.extract(t, ref(), &taskv1.ExtractWork{Table: "FACT_TRANSACTIONS", RowCount: rows})
	eventually(t, "the chunk stalls", func() bool { return len(r.warehouse.Faults().Armed()) == 0 })
	r.peers.ended.Store(true)
	if err := receive(t, r, r.peers.abandoned); fault.ReasonOf(err) != fault.ReasonCanceled {
		t.Errorf("the stream ended with %v, want it cancelled", err)
	}
	r.settled(t)
}

// The end of a run ends the wait for a delivery server that does not answer.
func TestTheEndOfARunEndsTheWaitForDelivery(t *testing.T) {
	r := start(t, "DIM_DATES")
	rows := rowsIn(r.measure(t).GetTables()[0])
	r.peers.hold.Store(true)
	before := len(r.warehouse.Queries())
	r.extract(t, ref(), &taskv1.ExtractWork{Table: "DIM_DATES", RowCount: rows})
	eventually(t, "the statement has run", func() bool { return len(r.warehouse.Queries()) > before && r.lastQuery().Status == "SUCCESS" })
	r.peers.ended.Store(true)
	if err := receive(t, r, r.peers.abandoned); err == nil {
		t.Error("the stream ended in order")
	}
	r.settled(t)
}

// A task of a run that has ended before is not begun.
func TestTasksOfAnEndedRunAreNotBegun(t *testing.T) {
	r := start(t, "DIM_DATES")
	r.peers.ended.Store(true)
	r.askMeasure(t, ref())
	r.extract(t, ref(), &taskv1.ExtractWork{Table: "DIM_DATES"})
	r.settled(t)
	if asked := len(r.warehouse.Queries()); asked != 0 {
		t.Errorf("the source ran %d statements", asked)
	}
}

// A run that ends while its last rows arrive refuses the receipt, which is no failure either.
func TestARefusedReceiptIsNoFailure(t *testing.T) {
	r := start(t, "DIM_DATES")
	r.peers.refuse.Store(true)
	r.extract(t, ref(), &taskv1.ExtractWork{Table: "DIM_DATES", RowCount: rowsIn(r.measure(t).GetTables()[0])})
	receive(t, r, r.peers.parts)
	r.settled(t)
}

// A run whose end delivery hears of first refuses the part, which is no failure either.
func TestARefusedPartIsNoFailure(t *testing.T) {
	r := start(t, "DIM_DATES")
	r.peers.late.Store(true)
	r.extract(t, ref(), &taskv1.ExtractWork{Table: "DIM_DATES", RowCount: rowsIn(r.measure(t).GetTables()[0])})
	if err := receive(t, r, r.peers.abandoned); err != nil {
		t.Fatal(err)
	}
	r.settled(t)
}
