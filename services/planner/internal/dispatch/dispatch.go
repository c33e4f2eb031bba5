// Package dispatch decides which tasks are queued next, from what runs wait for and what is in the queue. It owns the
// caps, the order and the shares, and knows neither clock, queue nor store: the same input gives the same answer, on
// every planner. It refuses to count on anything but the queue, so a task that was lost is simply one that is not there.
//
// Tasks run in three lanes, each with a cap, and never wait for another lane: statements at the source; commits with copies
// and aborts, which ask nothing of it; and deletions, which nobody waits for. In the last two a run that has much to do lets
// those that have none of theirs under way go first. Statements go by deadline, and runs that fell due together in an order
// drawn from their ids. Sizes of runs share the statements, so that one giant run does not hold up a
// thousand small ones, and no customer has more than a few. Start reading at Decide.
package dispatch

import (
	"slices"
	"time"
)

// Run is a run that waits for tasks to be done.
type Run struct {
	ID, Customer string
	Deadline     time.Time
	// Rows is what was measured, 0 before.
	Rows int64
	// Tasks are those still to be done, in the order in which they are queued.
	Tasks []Task
}

// Task is one task of a run. Kind is as in package run.
type Task struct{ ID, Kind string }

// Queued is a task in the queue, of which there may be several messages.
type Queued struct {
	RunID, Customer string
	Task            Task
	Messages        int
}

// Next is a task to queue.
type Next struct {
	RunID string
	Task  Task
}

// Decision is what to do, and what stays as it is.
type Decision struct {
	// Queue lists the tasks to queue now, in this order. With them no cap is exceeded that was not exceeded before.
	Queue []Next
	// InFlight counts the messages in the queue as it was.
	InFlight int
	// Waiting counts the tasks that have to wait for room.
	Waiting int
	// Leaving counts the tasks in the queue that no run waits for: they are done or given up, and about to leave.
	Leaving int
}

// Decide says which tasks of live runs, by run id, are queued now.
func Decide(rules Rules, runs map[string]Run, queue []Queued) Decision {
	b := newBoard(rules, runs, queue)
	d := Decision{InFlight: b.inFlight, Leaving: b.leaving}
	if b.hasRoom(commits) || b.hasRoom(statements) || b.hasRoom(expiries) {
		b.line = b.lineUp(runs)
		d.Queue = slices.Concat(b.takeFair(commits), b.takeStatements(), b.takeFair(expiries))
	}
	d.Waiting = b.outstanding - len(d.Queue)
	return d
}

// takeFair fills a lane that asks nothing of the source, one task after the other.
func (b *board) takeFair(lane int) (taken []Next) {
	for b.hasRoom(lane) {
		r := b.chooseFair(lane)
		if r == nil {
			return taken
		}
		task, _ := b.next(r)
		taken = append(taken, b.take(r, task))
	}
	return taken
}

// chooseFair gives the run whose task is next: one that has the fewest in flight, of those the first in line. A run that
// copies a thousand files so holds up no other, and the oldest of all waits for none.
func (b *board) chooseFair(lane int) (chosen *waiting) {
	for _, r := range b.line {
		if chosen != nil && b.runs[r.ID] >= b.runs[chosen.ID] {
			continue
		}
		if task, found := b.next(r); !found || laneOf(task.Kind) != lane {
			continue
		}
		if chosen = r; b.runs[r.ID] == 0 {
			break
		}
	}
	return chosen
}

// takeStatements fills the cap of statements, one after the other.
func (b *board) takeStatements() (taken []Next) {
	for b.hasRoom(statements) {
		r := b.choose()
		if r == nil {
			return taken
		}
		task, _ := b.next(r)
		taken = append(taken, b.take(r, task))
	}
	return taken
}

// choose gives the run whose statement is next. The run with the oldest deadline of all comes first when no statement of
// its size is in flight, so that nothing waits for ever; otherwise it is the turn of the size that has least of its share.
func (b *board) choose() *waiting {
	heads, oldest := b.heads()
	if oldest == nil || b.sizes[oldest.size] == 0 {
		return oldest
	}
	var chosen *waiting
	shares := b.rules.shares()
	for size, head := range heads {
		if head != nil && (chosen == nil || (b.sizes[size]+1)*shares[chosen.size] < (b.sizes[chosen.size]+1)*shares[size]) {
			chosen = head
		}
	}
	return chosen
}

// heads finds the first run in line of each size, and of all, whose customer has room for a statement.
func (b *board) heads() (heads [sizes]*waiting, oldest *waiting) {
	for _, r := range b.line {
		if heads[r.size] != nil || b.customers[r.Customer] >= b.rules.Caps.StatementsPerCustomer {
			continue
		}
		if task, found := b.next(r); !found || laneOf(task.Kind) != statements {
			continue
		}
		heads[r.size] = r
		if oldest == nil {
			oldest = r
		}
		if !slices.Contains(heads[:], nil) {
			break
		}
	}
	return heads, oldest
}
