package dispatch

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/customer-exports/exports/services/planner/internal/run"
)

func drawRules(t *rapid.T) Rules {
	n := rapid.IntRange(1, 9)
	return Rules{
		Caps:   Caps{Statements: n.Draw(t, "statements"), StatementsPerCustomer: n.Draw(t, "per customer"), Commits: n.Draw(t, "commits"), Expiries: n.Draw(t, "expiries")},
		Sizes:  Sizes{MediumRows: 10, LargeRows: 100},
		Shares: Shares{Small: n.Draw(t, "small"), Medium: n.Draw(t, "medium"), Large: n.Draw(t, "large")},
	}
}

func drawRun(t *rapid.T, i int) Run {
	kind := rapid.SampledFrom([]string{run.KindMeasure, run.KindExtract, run.KindExtract, run.KindCommit, run.KindCopy, run.KindAbort, run.KindExpire}).Draw(t, "kind")
	return waits(fmt.Sprint("r", i), rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "customer"), kind,
		rapid.IntRange(0, 3).Draw(t, "minutes"), rapid.IntRange(1, 12).Draw(t, "tasks"), rapid.SampledFrom([]int64{0, 1, 10, 99, 100}).Draw(t, "rows"))
}

// drawState draws live runs, and a queue that holds some of their tasks and some that nobody waits for.
func drawState(t *rapid.T) (runs map[string]Run, queue []Queued) {
	runs = make(map[string]Run)
	for i := range rapid.IntRange(0, 12).Draw(t, "runs") {
		r := drawRun(t, i)
		for j := range r.Tasks {
			if rapid.IntRange(0, 9).Draw(t, "queued") == 0 {
				queue = append(queue, inQueue(r, j)...)
			}
		}
		if rapid.IntRange(0, 9).Draw(t, "ended") > 0 {
			runs[r.ID] = r
		}
	}
	return runs, queue
}

// tally counts what is in the queue, without the code under test.
type tally struct {
	statements, commits, expiries int
	customers, tasks              map[string]int
}

// atBucket says that the source is not asked.
func atBucket(task Task) bool {
	return task.Kind == run.KindCommit || task.Kind == run.KindCopy || task.Kind == run.KindAbort
}

func tallyOf(runs map[string]Run, queue []Queued, added []Next) tally {
	c := tally{customers: map[string]int{}, tasks: map[string]int{}}
	for _, next := range added {
		queue = append(queue, Queued{Task: next.Task, Customer: runs[next.RunID].Customer, Messages: 1})
	}
	for _, q := range queue {
		c.tasks[q.Task.ID] += q.Messages
		switch {
		case atBucket(q.Task):
			c.commits += q.Messages
			continue
		case q.Task.Kind == run.KindExpire:
			c.expiries += q.Messages
			continue
		}
		c.statements += q.Messages
		c.customers[q.Customer] += q.Messages
	}
	return c
}

func TestCapsAreNeverExceeded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := drawRules(t)
		runs, queue := drawState(t)
		d := Decide(rules, runs, queue)
		before, after := tallyOf(runs, queue, nil), tallyOf(runs, queue, d.Queue)
		if after.statements > max(rules.Caps.Statements, before.statements) {
			t.Errorf("%d statements, before were %d, the cap is %d", after.statements, before.statements, rules.Caps.Statements)
		}
		if after.commits > max(rules.Caps.Commits, before.commits) {
			t.Errorf("%d commits, before were %d, the cap is %d", after.commits, before.commits, rules.Caps.Commits)
		}
		if after.expiries > max(rules.Caps.Expiries, before.expiries) {
			t.Errorf("%d deletions, before were %d, the cap is %d", after.expiries, before.expiries, rules.Caps.Expiries)
		}
		for customer, n := range after.customers {
			if n > max(rules.Caps.StatementsPerCustomer, before.customers[customer]) {
				t.Errorf("%d statements of customer %s, before were %d, the cap is %d", n, customer, before.customers[customer], rules.Caps.StatementsPerCustomer)
			}
		}
		for id, n := range after.tasks {
			if n > 1 {
				t.Errorf("task %s is queued %d times", id, n)
			}
		}
	})
}

func TestNoRoomIsWasted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := drawRules(t)
		runs, queue := drawState(t)
		d := Decide(rules, runs, queue)
		after, waiting := tallyOf(runs, queue, d.Queue), 0
		for _, r := range runs {
			for _, task := range r.Tasks {
				if after.tasks[task.ID] > 0 {
					continue
				}
				waiting++
				if atBucket(task) && after.commits < rules.Caps.Commits {
					t.Errorf("%s waits although only %d commits are in flight", task.ID, after.commits)
				}
				if task.Kind == run.KindExpire && after.expiries < rules.Caps.Expiries {
					t.Errorf("%s waits although only %d deletions are in flight", task.ID, after.expiries)
				}
				if !atBucket(task) && task.Kind != run.KindExpire && after.statements < rules.Caps.Statements && after.customers[r.Customer] < rules.Caps.StatementsPerCustomer {
					t.Errorf("%s waits although only %d statements are in flight, %d of its customer", task.ID, after.statements, after.customers[r.Customer])
				}
			}
		}
		if waiting != d.Waiting {
			t.Errorf("%d tasks are said to wait, want %d", d.Waiting, waiting)
		}
	})
}

func TestEveryPlannerDecidesTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := drawRules(t)
		runs, queue := drawState(t)
		first := Decide(rules, runs, queue)
		again := Decide(rules, runs, rapid.Permutation(queue).Draw(t, "queue")) // and the map of runs in another order
		if diff := cmp.Diff(first, again); diff != "" {
			t.Errorf("two planners differ:\n%s", diff)
		}
	})
}

// TestNothingWaitsForEver lets a run wait among newcomers of any size that never stop coming, each with a deadline after
// its own, while the tasks in the queue are done one after the other.
func TestNothingWaitsForEver(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := drawRules(t)
		runs, queue := drawState(t)
		old := waits("old", "z", rapid.SampledFrom([]string{run.KindExtract, run.KindCopy}).Draw(t, "kind of old"), 4, rapid.IntRange(1, 5).Draw(t, "of old"), rapid.SampledFrom([]int64{0, 10, 100}).Draw(t, "rows of old"))
		runs[old.ID] = old
		bound := (len(queue) + len(runs)*12 + 1) * (rules.Caps.Statements + rules.Caps.Commits + 1)
		for step := range bound {
			newcomer := drawRun(t, 100+step)
			newcomer.Deadline = old.Deadline.Add(time.Hour)
			runs[newcomer.ID] = newcomer
			for _, next := range Decide(rules, runs, queue).Queue {
				r := runs[next.RunID]
				queue = append(queue, Queued{RunID: r.ID, Customer: r.Customer, Task: next.Task, Messages: 1})
				if next.Task == old.Tasks[len(old.Tasks)-1] {
					return
				}
			}
			queue = leave(runs, queue)
		}
		t.Errorf("after %d tasks were done, the old run still waits", bound)
	})
}

// leave lets the oldest task in the queue be done.
func leave(runs map[string]Run, queue []Queued) []Queued {
	if len(queue) == 0 {
		return nil
	}
	done := queue[0]
	if r, found := runs[done.RunID]; found {
		var rest []Task
		for _, task := range r.Tasks {
			if task != done.Task {
				rest = append(rest, task)
			}
		}
		if r.Tasks = rest; len(rest) == 0 {
			delete(runs, r.ID)
		} else {
			runs[r.ID] = r
		}
	}
	return queue[1:]
}
