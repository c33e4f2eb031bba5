package dispatch

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/customer-exports/exports/services/planner/internal/run"
)

var (
	due      = time.Date(2026, 1, 10, 2, 0, 0, 0, time.UTC)
	standard = Rules{
		Caps:   Caps{Statements: 8, StatementsPerCustomer: 3, Commits: 8, Expiries: 2},
		Sizes:  Sizes{MediumRows: 2_000_000, LargeRows: 50_000_000},
		Shares: Shares{Small: 4, Medium: 3, Large: 1},
	}
)

// waits is a run with n tasks of a kind, due some minutes after the first.
func waits(id, customer, kind string, minutes, n int, rows int64) Run {
	r := Run{ID: id, Customer: customer, Deadline: due.Add(time.Duration(minutes) * time.Minute), Rows: rows}
	for i := range n {
		r.Tasks = append(r.Tasks, Task{ID: fmt.Sprintf("%s.%d", id, i), Kind: kind})
	}
	return r
}

func byID(runs ...Run) map[string]Run {
	all := make(map[string]Run, len(runs))
	for _, r := range runs {
		all[r.ID] = r
	}
	return all
}

// inQueue is what of a run is in the queue.
func inQueue(r Run, tasks ...int) (queue []Queued) {
	for _, i := range tasks {
		queue = append(queue, Queued{RunID: r.ID, Customer: r.Customer, Task: r.Tasks[i], Messages: 1})
	}
	return queue
}

func ids(next []Next) (ids []string) {
	for _, n := range next {
		ids = append(ids, n.Task.ID)
	}
	return ids
}

func TestOldestDeadlineFirst(t *testing.T) {
	runs := byID(waits("late", "a", run.KindExtract, 2, 2, 0), waits("early", "b", run.KindMeasure, 0, 1, 0), waits("middle", "c", run.KindExtract, 1, 9, 0))
	d := Decide(standard, runs, nil)
	if diff := cmp.Diff([]string{"early.0", "middle.0", "middle.1", "middle.2", "late.0", "late.1"}, ids(d.Queue)); diff != "" {
		t.Errorf("tasks differ (-want +got):\n%s", diff)
	}
	if d.Waiting != 6 || d.InFlight != 0 || d.Leaving != 0 {
		t.Errorf("decision = %+v, want 6 waiting for their customer's other statements", d)
	}
}

func TestCommitsNeverWaitForStatements(t *testing.T) {
	busy := waits("busy", "a", run.KindExtract, 0, 20, 0)
	rules := standard
	rules.Caps.StatementsPerCustomer, rules.Caps.Commits = 8, 2
	runs := byID(busy, waits("c1", "a", run.KindCommit, 9, 1, 0), waits("c2", "a", run.KindCommit, 8, 1, 0), waits("c3", "b", run.KindCommit, 7, 1, 0))
	d := Decide(rules, runs, inQueue(busy, 0, 1, 2, 3, 4, 5, 6, 7))
	if diff := cmp.Diff([]string{"c3.0", "c2.0"}, ids(d.Queue)); diff != "" {
		t.Errorf("tasks differ (-want +got):\n%s", diff)
	}
	if d.Waiting != 13 || d.InFlight != 8 {
		t.Errorf("decision = %+v, want 12 statements and a commit waiting", d)
	}
}

// TestWhatAsksTheSourceNothingIsNoStatement fills the source: commits, copies and aborts go on.
func TestWhatAsksTheSourceNothingIsNoStatement(t *testing.T) {
	busy := waits("busy", "a", run.KindExtract, 0, 20, 0)
	runs := byID(busy, waits("copies", "a", run.KindCopy, 1, 2, 0), waits("aborts", "a", run.KindAbort, 2, 1, 0), waits("commits", "a", run.KindCommit, 3, 1, 0))
	d := Decide(standard, runs, inQueue(busy, 0, 1, 2, 3, 4, 5, 6, 7))
	if diff := cmp.Diff([]string{"copies.0", "aborts.0", "commits.0", "copies.1"}, ids(d.Queue)); diff != "" {
		t.Errorf("tasks differ (-want +got):\n%s", diff)
	}
	if d := Decide(standard, byID(busy), inQueue(waits("copies", "a", run.KindCopy, 1, 9, 0), 0, 1, 2, 3, 4, 5, 6, 7, 8)); len(d.Queue) != 3 {
		t.Errorf("beside nine copies %q are queued, want the customer's three statements", ids(d.Queue))
	}
}

// TestManyCopiesHoldUpNoCommit has one run send a thousand files once more, due before all others.
func TestManyCopiesHoldUpNoCommit(t *testing.T) {
	copies := waits("copies", "a", run.KindCopy, 0, 1000, 0)
	runs := byID(copies, waits("c1", "a", run.KindCommit, 1, 1, 0), waits("c2", "b", run.KindCommit, 2, 1, 0))
	d := Decide(standard, runs, inQueue(copies, 0, 1, 2, 3, 4, 5))
	if diff := cmp.Diff([]string{"c1.0", "c2.0"}, ids(d.Queue)); diff != "" {
		t.Errorf("tasks differ (-want +got):\n%s", diff)
	}
	if got := ids(Decide(standard, byID(copies), nil).Queue); len(got) != standard.Caps.Commits || got[0] != "copies.0" {
		t.Errorf("alone it gets %q, want all %d places", got, standard.Caps.Commits)
	}
}

// TestSharesAreGivenAndLent gives each size its share when all wait, and lends it when they do not.
func TestSharesAreGivenAndLent(t *testing.T) {
	many := func(size string, rows int64, n int) (runs []Run) {
		for i := range n {
			id := fmt.Sprintf("%s%d", size, i)
			runs = append(runs, waits(id, id, run.KindExtract, 0, 3, rows))
		}
		return runs
	}
	for _, test := range []struct {
		name                 string
		small, medium, large int // runs waiting
		want                 [sizes]int
	}{
		{"all", 9, 9, 9, [sizes]int{4, 3, 1}},
		{"no medium", 9, 0, 9, [sizes]int{7, 0, 1}},
		{"no small", 0, 9, 9, [sizes]int{0, 6, 2}},
		{"large alone", 0, 0, 9, [sizes]int{0, 0, 8}},
		{"one small", 1, 0, 9, [sizes]int{3, 0, 5}}, // its customer has no more
	} {
		runs := slices.Concat(many("s", 1, test.small), many("m", 2_000_000, test.medium), many("l", 50_000_000, test.large))
		var got [sizes]int
		for _, next := range Decide(standard, byID(runs...), nil).Queue {
			got[slices.Index([]byte("sml"), next.RunID[0])]++
		}
		if got != test.want {
			t.Errorf("%s: small, medium, large get %v, want %v", test.name, got, test.want)
		}
	}
}

func TestTasksThatNobodyWaitsForKeepTheirPlace(t *testing.T) {
	ended, live := waits("ended", "a", run.KindExtract, 0, 8, 0), waits("live", "b", run.KindExtract, 0, 2, 0)
	d := Decide(standard, byID(live), append(inQueue(ended, 0, 1, 2, 3, 4, 5, 6), Queued{
		RunID: "live", Customer: "b", Task: Task{ID: "live.received", Kind: run.KindExtract}, Messages: 1,
	}))
	if len(d.Queue) != 0 || d.Leaving != 8 || d.Waiting != 2 {
		t.Errorf("decision = %+v, want no room before 8 have left", d)
	}
}

func TestEveryMessageCounts(t *testing.T) {
	r := waits("r", "a", run.KindExtract, 0, 4, 0)
	queue := inQueue(r, 0)
	queue[0].Messages = 2
	if d := Decide(standard, byID(r), queue); len(d.Queue) != 1 || d.InFlight != 2 {
		t.Errorf("decision = %+v, want one task beside two messages of another", d)
	}
}

// TestTiesAreJittered draws an order from the ids of runs due in the same minute, and moves none beyond it.
func TestTiesAreJittered(t *testing.T) {
	rules, runs := standard, map[string]Run{}
	rules.Caps.Statements = 100
	var sorted []string
	for minute := range 2 {
		for i := range 20 {
			r := waits(fmt.Sprintf("m%d-customer-%02d-daily-20260110-1", minute, i), fmt.Sprint("c", i), run.KindMeasure, minute, 1, 0)
			r.Deadline = r.Deadline.Add(time.Duration(i) * time.Second)
			runs[r.ID], sorted = r, append(sorted, r.Tasks[0].ID)
		}
	}
	got := ids(Decide(rules, runs, nil).Queue)
	if slices.Equal(got, sorted) || got[0] == sorted[0] && got[1] == sorted[1] {
		t.Errorf("runs of one minute go in the order of their ids: %q", got)
	}
	for i, id := range got {
		if want := fmt.Sprint("m", i/20); id[:2] != want {
			t.Errorf("position %d has %s, want a run of minute %s", i, id, want)
		}
	}
}
