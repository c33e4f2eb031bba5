package commit_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
)

// TestWhatWasCountedIsFoundAndTold commits a drop whose manifest says what every column holds.
func TestWhatWasCountedIsFoundAndTold(t *testing.T) {
	f := newFixture(t)
	if err := f.commit(t); err != nil {
		t.Fatal(err)
	}
	dates := f.complete(t).Tables[0]
	got := map[string]drop.Total{}
	for _, total := range dates.Totals {
		got[total.Column] = total
	}
	// 0 + 1 + ... + 364
	if want := (drop.Total{Column: "year", Sum: "66430"}); len(got) != len(dates.Schema) || got["year"] != want || got["day_name"].Sum != "" {
		t.Errorf("totals of DIM_DATES: got %v, want %v among %d", got, want, len(dates.Schema))
	}
	for _, table := range f.complete(t).Tables {
		if len(table.Totals) != len(table.Schema) {
			t.Errorf("%s has totals of %d columns, want %d", table.Table, len(table.Totals), len(table.Schema))
		}
	}
}

// TestAFileThatHoldsSomethingElseIsNotCommitted has the encoder have seen other values than the file holds.
func TestAFileThatHoldsSomethingElseIsNotCommitted(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*deliveryv1.ColumnCount)
		says  string
	}{
		"nulls":  {func(c *deliveryv1.ColumnCount) { c.NullCount++ }, "column year has 0 nulls, 1 were written"},
		"sum":    {func(c *deliveryv1.ColumnCount) { c.Sum = "66431" }, "column year has another sum"},
		"values": {func(c *deliveryv1.ColumnCount) { c.Crc64Nvme++ }, "column year holds other values"},
	} {
		f := newFixture(t)
		c.spoil(f.planner.plan.Receipts[0].Columns[1])
		if err := f.commit(t); fault.ReasonOf(err) != fault.ReasonReadBackMismatch || fault.Retryable(err) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want READ_BACK_MISMATCH: %s", name, err, c.says)
		}
		f.withdrawn(t)
	}
}

// TestCountsThatAreNoneAreRefused spoils what a receipt says before anything is visible.
func TestCountsThatAreNoneAreRefused(t *testing.T) {
	for name, spoil := range map[string]func(*deliveryv1.Receipt){
		"columns": func(r *deliveryv1.Receipt) { r.Columns = r.Columns[1:] },
		"sum":     func(r *deliveryv1.Receipt) { r.Columns[1].Sum = "many" },
		"scale":   func(r *deliveryv1.Receipt) { r.Columns[1].Sum += ".0" },
	} {
		f := newFixture(t)
		spoil(f.planner.plan.Receipts[0])
		if err := f.commit(t); err == nil || fault.Retryable(err) || f.visible(t) != 0 {
			t.Errorf("%s: got %v and %d visible files, want a refusal for good before anything is visible", name, err, f.visible(t))
		}
	}
}

// TestReceiptsOfBeforeAreCommitted has a run whose parts were uploaded before anybody counted, and one whose manifest was
// written by a server of before.
func TestReceiptsOfBeforeAreCommitted(t *testing.T) {
	f := newFixture(t)
	var counted []*deliveryv1.Receipt
	for _, r := range f.planner.plan.Receipts {
		counted = append(counted, proto.CloneOf(r))
		r.Columns = nil
	}
	if err := f.commit(t); err != nil {
		t.Fatal(err)
	}
	if got := f.complete(t).Tables[0].Totals; got != nil {
		t.Errorf("totals of nobody's counting: %v", got)
	}
	f.planner.plan.Receipts = counted
	if err := f.commit(t); err != nil {
		t.Errorf("finishing what a server of before began: %v", err)
	}
	f.complete(t)
}
