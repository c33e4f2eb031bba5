package dispatch

import (
	"fmt"
	"slices"
	"testing"

	"github.com/customer-exports/exports/services/planner/internal/run"
)

// TestOneGiantDoesNotHoldUpTheSmall plays a morning in made-up time: a thousand small customers are due together, alone and
// beside one that holds 90 % of all rows and was due just before them.
func TestOneGiantDoesNotHoldUpTheSmall(t *testing.T) {
	const customers, tables, parts = 1000, 12, 1200
	var small []Run
	for i := range customers {
		small = append(small, waits(fmt.Sprintf("small-%03d", i), fmt.Sprint("c", i), run.KindExtract, 0, tables, 180_000))
	}
	giant := waits("giant", "giant", run.KindExtract, -1, parts, 1_620_000_000)
	alone, _ := play(small)
	beside, largest := play(append(small, giant))
	growth := float64(beside)/float64(alone) - 1
	t.Logf("p95 wait of the small: %d alone, %d beside the giant, +%.1f %%", alone, beside, 100*growth)
	if growth >= 0.2 {
		t.Errorf("the 95th percentile grows from %d to %d, %.0f %%, want below 20 %%", alone, beside, 100*growth)
	}
	if largest > standard.Shares.Large {
		t.Errorf("%d statements of the giant while small ones waited, want at most its share", largest)
	}
}

// play does tasks as long as small runs are left. A statement of a small run reads 15,000 rows and takes 2 ticks, one of the
// giant's reads 1,350,000 and takes 27. It returns when 95 % of the small runs were done, and how many statements of large runs were
// in flight at most while others waited.
func play(all []Run) (p95, largest int) {
	runs, ends := byID(all...), map[string]int{}
	var queue []Queued
	var done []int
	for now := 0; ; now++ {
		queue = slices.DeleteFunc(queue, func(q Queued) bool {
			if ends[q.Task.ID] != now {
				return false
			}
			r := runs[q.RunID]
			r.Tasks = slices.DeleteFunc(slices.Clone(r.Tasks), func(task Task) bool { return task == q.Task })
			if runs[q.RunID] = r; len(r.Tasks) == 0 {
				delete(runs, q.RunID)
				done = append(done, now)
			}
			return true
		})
		if len(runs) <= 1 {
			return done[len(done)*95/100], largest
		}
		for _, next := range Decide(standard, runs, queue).Queue {
			r := runs[next.RunID]
			queue = append(queue, Queued{RunID: r.ID, Customer: r.Customer, Task: next.Task, Messages: 1})
			ends[next.Task.ID] = now + 2
			if standard.size(r.Rows) == large {
				ends[next.Task.ID] = now + 27
			}
		}
		largest = max(largest, heavy(runs, queue))
	}
}

// heavy counts the statements of large runs in the queue, when small ones wait too.
func heavy(runs map[string]Run, queue []Queued) (n int) {
	b := newBoard(standard, runs, queue)
	for _, r := range b.lineUp(runs) {
		if _, waits := b.next(r); waits && r.size == small && b.customers[r.Customer] < standard.Caps.StatementsPerCustomer {
			return b.sizes[large]
		}
	}
	return 0
}
