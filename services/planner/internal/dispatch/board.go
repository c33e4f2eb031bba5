package dispatch

import (
	"cmp"
	"hash/fnv"
	"slices"
	"strings"
	"time"
)

// board counts what is in the queue, and what a decision adds.
type board struct {
	rules  Rules
	line   []*waiting
	queued map[string]bool

	lanes     [lanes]int     // tasks of each
	runs      map[string]int // tasks of each that are no statements
	customers map[string]int // statements of each
	sizes     [sizes]int     // statements of each

	inFlight, leaving, outstanding int
}

// waiting is a run in line.
type waiting struct {
	Run
	size   int
	minute int64
	jitter uint64
	done   int // tasks at the head of Tasks that are queued
}

func newBoard(rules Rules, runs map[string]Run, queue []Queued) *board {
	b := &board{rules: rules, queued: make(map[string]bool, len(queue)), runs: make(map[string]int), customers: make(map[string]int)}
	for _, r := range runs {
		b.outstanding += len(r.Tasks)
	}
	for _, q := range queue {
		r := runs[q.RunID] // a run that is not live counts as small: nothing else is known of it
		b.count(q.RunID, q.Task.Kind, q.Customer, rules.size(r.Rows), q.Messages)
		b.inFlight += q.Messages
		b.queued[q.Task.ID] = true
		if slices.Contains(r.Tasks, q.Task) {
			b.outstanding--
		} else {
			b.leaving++
		}
	}
	return b
}

func (b *board) count(runID, kind, customer string, size, n int) {
	lane := laneOf(kind)
	b.lanes[lane] += n
	if lane != statements {
		b.runs[runID] += n
		return
	}
	b.customers[customer] += n
	b.sizes[size] += n
}

// hasRoom says that a lane has room for one more task.
func (b *board) hasRoom(lane int) bool { return b.lanes[lane] < b.rules.Caps.of(lane) }

// next is the first task of a run that is not queued.
func (b *board) next(r *waiting) (Task, bool) {
	for ; r.done < len(r.Tasks); r.done++ {
		if task := r.Tasks[r.done]; !b.queued[task.ID] {
			return task, true
		}
	}
	return Task{}, false
}

func (b *board) take(r *waiting, task Task) Next {
	b.queued[task.ID] = true
	b.count(r.ID, task.Kind, r.Customer, r.size, 1)
	return Next{RunID: r.ID, Task: task}
}

// lineUp orders runs by deadline. Those of the same minute stand in an order that looks random and is the same everywhere,
// so that neither a customer's name nor the order of planning decides who is first, every day.
func (b *board) lineUp(runs map[string]Run) []*waiting {
	line := make([]*waiting, 0, len(runs))
	for _, r := range runs {
		hash := fnv.New64a()
		hash.Write([]byte(r.ID))
		line = append(line, &waiting{
			Run: r, size: b.rules.size(r.Rows), minute: r.Deadline.Truncate(time.Minute).Unix(), jitter: hash.Sum64(),
		})
	}
	slices.SortFunc(line, func(a, b *waiting) int {
		return cmp.Or(cmp.Compare(a.minute, b.minute), cmp.Compare(a.jitter, b.jitter), strings.Compare(a.ID, b.ID))
	})
	return line
}
