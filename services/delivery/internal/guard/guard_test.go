package guard_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/dictionary/arrowschema"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/scope"
	"github.com/customer-exports/exports/services/delivery/internal/guard"
)

// row is a brand and a location; "" is null.
type row struct{ brand, location string }

var inside = row{"corner bistro", "loc-1"}

func TestOneRowOutsideRefusesTheBatch(t *testing.T) {
	foreign := map[string]row{
		"foreign brand":         {"other brand", "loc-1"},
		"foreign location":      {"corner bistro", "loc-9"},
		"null brand":            {"", "loc-1"},
		"null location":         {"corner bistro", ""},
		"case differs":          {"Corner Bistro", "loc-1"},
		"trailing space":        {"corner bistro ", "loc-1"},
		"swapped":               {"loc-1", "corner bistro"},
		"prefix of the allowed": {"corner", "loc-1"},
	}
	for name, bad := range foreign {
		for _, position := range []int{0, 500, 999} {
			t.Run(fmt.Sprintf("%s at %d", name, position), func(t *testing.T) {
				rows := repeat(1000)
				rows[position] = bad
				for _, table := range []string{"FACT_TRANSACTIONS", "FACT_MESSAGES"} {
					err := newGuard(t, table).Check(batch(t, table, rows))
					if fault.ReasonOf(err) != fault.ReasonScopeViolation || fault.Retryable(err) {
						t.Fatalf("%s: got %v, want SCOPE_VIOLATION, never retried", table, err)
					}
					if !strings.Contains(err.Error(), table) || !strings.Contains(err.Error(), "part 7") {
						t.Errorf("%v does not name table and part", err)
					}
					if strings.Contains(err.Error(), "brand") || strings.Contains(err.Error(), "loc-") {
						t.Errorf("%v leaks a value", err)
					}
				}
			})
		}
	}
}

func TestRowsInsidePass(t *testing.T) {
	rows := repeat(1000)
	for i := range rows {
		rows[i].location = fmt.Sprintf("loc-%d", 1+i%3)
	}
	if err := newGuard(t, "FACT_TRANSACTIONS").Check(batch(t, "FACT_TRANSACTIONS", rows)); err != nil {
		t.Errorf("Check: %v", err)
	}
	if err := newGuard(t, "FACT_TRANSACTIONS").Check(batch(t, "FACT_TRANSACTIONS", nil)); err != nil {
		t.Errorf("Check without rows: %v", err)
	}
}

func TestRememberedPairDoesNotCrossBatches(t *testing.T) {
	g := newGuard(t, "FACT_TRANSACTIONS")
	if err := g.Check(batch(t, "FACT_TRANSACTIONS", repeat(10))); err != nil {
		t.Fatal(err)
	}
	err := g.Check(batch(t, "FACT_TRANSACTIONS", []row{{"other brand", "loc-1"}}))
	if fault.ReasonOf(err) != fault.ReasonScopeViolation {
		t.Errorf("got %v, want SCOPE_VIOLATION", err)
	}
}

func TestSharedTablePasses(t *testing.T) {
	layout := layoutOf(t, "DIM_DATES")
	g, err := guard.New(layout, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrowschema.Of(layout))
	defer b.Release()
	if err := g.Check(b.NewRecord()); err != nil {
		t.Errorf("Check: %v", err)
	}
}

func TestTableThatCannotBeJudgedIsRefused(t *testing.T) {
	layout := *layoutOf(t, "FACT_TRANSACTIONS")
	layout.BrandField = -1
	if _, err := guard.New(&layout, scopeOf(t), 0); fault.ReasonOf(err) != fault.ReasonScopeViolation {
		t.Errorf("without a brand: got %v, want SCOPE_VIOLATION", err)
	}
	if _, err := guard.New(layoutOf(t, "FACT_TRANSACTIONS"), nil, 0); fault.ReasonOf(err) != fault.ReasonScopeViolation {
		t.Errorf("without a scope: got %v, want SCOPE_VIOLATION", err)
	}
}

func BenchmarkCheck(b *testing.B) {
	rows := repeat(65_536)
	for i := range rows {
		rows[i].location = fmt.Sprintf("loc-%d", 1+i%3)
	}
	g, record := newGuard(b, "FACT_TRANSACTIONS"), batch(b, "FACT_TRANSACTIONS", rows)
	b.SetBytes(int64(len(rows)))
	for b.Loop() {
		if err := g.Check(record); err != nil {
			b.Fatal(err)
		}
	}
}

func repeat(count int) []row {
	rows := make([]row, count)
	for i := range rows {
		rows[i] = inside
	}
	return rows
}

func layoutOf(t testing.TB, table string) *dictionary.Layout {
	t.Helper()
	layout, err := dictionary.Standard().Layout(table, nil)
	if err != nil {
		t.Fatal(err)
	}
	return layout
}

func scopeOf(t testing.TB) *scope.Set {
	t.Helper()
	set, err := scope.New([]string{"corner bistro", "second brand"}, []string{"loc-1", "loc-2", "loc-3"})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func newGuard(t testing.TB, table string) *guard.Guard {
	t.Helper()
	g, err := guard.New(layoutOf(t, table), scopeOf(t), 7)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func batch(t testing.TB, table string, rows []row) arrow.Record {
	t.Helper()
	return batchOf(layoutOf(t, table), rows)
}

func batchOf(layout *dictionary.Layout, rows []row) arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrowschema.Of(layout))
	defer b.Release()
	for i := range b.Fields() {
		for _, r := range rows {
			switch i {
			case layout.BrandField:
				appendText(b.Field(i), r.brand)
			case layout.LocationField:
				appendText(b.Field(i), r.location)
			default:
				b.Field(i).AppendNull()
			}
		}
	}
	return b.NewRecord()
}

func appendText(b array.Builder, text string) {
	if text == "" {
		b.AppendNull()
		return
	}
	b.(*array.StringBuilder).Append(text)
}
