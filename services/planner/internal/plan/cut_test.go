package plan_test

import (
	"testing"

	"github.com/customer-exports/exports/pkg/bus/bustest"
)

// TestTheNextDropIsCutByTheFilesOfTheLast has rows that turn out to be ten times as wide as a file should hold of them.
func TestTheNextDropIsCutByTheFilesOfTheLast(t *testing.T) {
	p, _ := planner(t, bustest.Start(t), &clock{at: now}, acme("acme-daily", "02:00"))
	p.Cutter.TargetRows, p.Cutter.TargetBytes, p.Cutter.MaxRows = 100, 600, 1000
	ticked(t, p)
	rows := func(id string) (rows []int64) {
		if err := p.Measure(t.Context(), id, counts()); err != nil {
			t.Fatal(err)
		}
		r, err := p.Store.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range r.GetTables()[1].GetParts() {
			rows = append(rows, part.GetMeasuredRowCount())
		}
		return rows
	}
	same(t, "rows of the parts while nothing is known", []int64{15}, rows("acme-daily-20260111-1"))
	for _, receipt := range receipts("first")[1:] {
		if receipt.GetTable() == "FACT_REVIEWS" {
			receipt.RowCount = 15
		}
		receipt.FileBytes = 60 * receipt.GetRowCount()
		if _, err := p.Receive(t.Context(), "acme-daily-20260111-1", receipt); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Commit(t.Context(), "acme-daily-20260111-1", "m.json", now, now.Add(month)); err != nil {
		t.Fatal(err)
	}
	same(t, "rows of the parts after a drop", []int64{10, 5}, rows("acme-daily-20260112-1"))
}
