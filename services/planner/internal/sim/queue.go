package sim

import (
	"context"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	eventv1 "github.com/customer-exports/exports/proto/exports/event/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
)

const (
	dedupeFor  = 2 * time.Minute // JetStream's window
	ackWait    = 2 * time.Minute
	maxDeliver = 5
)

// memQueue is the stream TASKS. Its order is nobody's to rely on.
type memQueue struct {
	world    *world
	messages []*message
	heard    map[string]time.Time // message ids, for the window
}

// message is one queued task.
type message struct {
	task       *taskv1.Task
	deliveries int
	visible    time.Time // from when it may be taken
}

func newQueue(w *world) *memQueue { return &memQueue{world: w, heard: map[string]time.Time{}} }

// Publish is part of plan.Queue.
func (q *memQueue) Publish(_ context.Context, t *taskv1.Task, again string) error {
	return q.world.call(func() error {
		id := t.GetTaskId() + "." + again
		if at, known := q.heard[id]; known && q.world.now.Sub(at) < dedupeFor {
			return nil
		}
		q.heard[id] = q.world.now
		q.add(t)
		return nil
	})
}

func (q *memQueue) add(t *taskv1.Task) {
	if q.world.chance(q.world.trouble.Lose) {
		q.world.seen.Lost++
		return
	}
	q.messages = append(q.messages, &message{task: proto.CloneOf(t), visible: q.world.now})
	if q.world.chance(q.world.trouble.Double) {
		q.world.seen.Doubled++
		q.messages = append(q.messages, &message{task: proto.CloneOf(t), visible: q.world.now})
	}
}

// Announce is part of plan.Queue: nobody may need a fact.
func (q *memQueue) Announce(context.Context, *eventv1.Event) error {
	return q.world.call(func() error { return nil })
}

// take gives a message to a worker until ackWait has passed; nil when none is there.
func (q *memQueue) take() *message {
	var free []*message
	for _, m := range q.messages {
		if !m.visible.After(q.world.now) && m.deliveries < maxDeliver {
			free = append(free, m)
		}
	}
	if len(free) == 0 {
		return nil
	}
	m := free[q.world.random.IntN(len(free))]
	m.deliveries++
	m.visible = q.world.now.Add(ackWait)
	return m
}

// settle removes a message for good.
func (q *memQueue) settle(m *message) {
	q.messages = slices.DeleteFunc(q.messages, func(other *message) bool { return other == m })
}

// putOff lets a message be taken again after a while.
func (q *memQueue) putOff(m *message) { m.visible = q.world.now.Add(time.Minute) }
