package sim

import (
	"context"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	eventv1 "github.com/customer-exports/exports/proto/exports/event/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/planner/internal/dispatch"
	"github.com/customer-exports/exports/services/planner/internal/run"
)

const (
	ackWait    = 2 * time.Minute
	maxDeliver = 5
)

// memQueue is the stream TASKS. Its order is nobody's to rely on, and a look at it is never old.
type memQueue struct {
	world    *world
	messages []*message
	last     uint64 // sequence of the last task ever queued
	backup   *memQueue
}

// message is one queued task.
type message struct {
	task       *taskv1.Task
	sequence   uint64
	deliveries int
	visible    time.Time // from when it may be taken
}

// Look is part of plan.Queue.
func (q *memQueue) Look(context.Context) (queue []dispatch.Queued, version uint64, err error) {
	err = q.world.call(func() error {
		queue, version = q.list(), q.last
		return nil
	})
	return queue, version, err
}

func (q *memQueue) list() (queue []dispatch.Queued) {
	at := map[string]int{}
	for _, m := range q.messages {
		i, found := at[m.task.GetTaskId()]
		if !found {
			i = len(queue)
			at[m.task.GetTaskId()] = i
			runID, _, _ := strings.Cut(m.task.GetTaskId(), ".")
			queue = append(queue, dispatch.Queued{
				RunID: runID, Customer: m.task.GetRun().GetCustomerId(), Task: dispatch.Task{ID: m.task.GetTaskId(), Kind: run.Kind(m.task)},
			})
		}
		queue[i].Messages++
	}
	return queue
}

// publish queues a task as long as none was queued after the one with the sequence version.
func (q *memQueue) publish(t *taskv1.Task, version uint64) bool {
	if version != q.last {
		q.world.seen.Overtaken++
		return false
	}
	q.add(t)
	if q.world.chance(q.world.trouble.Lose) {
		q.world.seen.Lost++
		q.messages = q.messages[:len(q.messages)-1]
	}
	return true
}

func (q *memQueue) add(t *taskv1.Task) {
	q.last++
	q.messages = append(q.messages, &message{task: proto.CloneOf(t), sequence: q.last, visible: q.world.now})
}

// Announce is part of plan.Queue: nobody may need a fact.
func (q *memQueue) Announce(context.Context, *eventv1.Event) error {
	return q.world.call(func() error { return nil })
}

// take gives a message to a worker until ackWait has passed; nil when none is there.
func (q *memQueue) take() *message {
	free := q.find(func(m *message) bool { return m.deliveries < maxDeliver })
	if len(free) == 0 {
		return nil
	}
	m := free[q.world.random.IntN(len(free))]
	m.deliveries++
	m.visible = q.world.now.Add(ackWait)
	return m
}

// exhausted gives a message that is never delivered again; nil when none is there.
func (q *memQueue) exhausted() *message {
	if over := q.find(func(m *message) bool { return m.deliveries == maxDeliver }); len(over) > 0 {
		return over[0]
	}
	return nil
}

// find lists the messages that nobody holds.
func (q *memQueue) find(is func(*message) bool) (found []*message) {
	for _, m := range q.messages {
		if !m.visible.After(q.world.now) && is(m) {
			found = append(found, m)
		}
	}
	return found
}

// settle removes a message for good. It goes by the sequence, as an acknowledgement does, also when the queue was made anew.
func (q *memQueue) settle(m *message) {
	q.messages = slices.DeleteFunc(q.messages, func(other *message) bool {
		return other.sequence == m.sequence && other.deliveries > 0
	})
}

// putOff lets a message be taken again after a while.
func (q *memQueue) putOff(m *message) { m.visible = q.world.now.Add(time.Minute) }

// handBack queues a task afresh whose worker was stopped at the last attempt; for a moment there are two.
func (q *memQueue) handBack(m *message) {
	q.world.seen.Doubled++
	q.add(m.task)
}
