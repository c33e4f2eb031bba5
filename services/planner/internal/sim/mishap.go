package sim

import "slices"

// mishap is what happens to the queue without anybody's doing: a task is deleted by hand, the stream is wiped, or made
// anew, or restored from a backup, with tasks that were done long ago.
func (q *memQueue) mishap() {
	trouble := q.world.trouble
	switch {
	case q.world.chance(trouble.Delete) && len(q.messages) > 0:
		i := q.world.random.IntN(len(q.messages))
		q.messages = slices.Delete(q.messages, i, i+1)
		q.world.seen.Deleted++
	case q.world.chance(trouble.Wipe):
		q.messages = nil
		if q.world.chance(0.5) {
			q.last = 0
		}
		q.world.seen.Wiped++
	case q.world.chance(trouble.Restore):
		if q.backup != nil {
			q.messages, q.last = q.backup.copied(), q.backup.last
			q.world.seen.Restored++
		}
		q.backup = &memQueue{messages: q.copied(), last: q.last}
	}
}

// copied is the messages as they are now.
func (q *memQueue) copied() []*message {
	messages := make([]*message, len(q.messages))
	for i, m := range q.messages {
		same := *m
		messages[i] = &same
	}
	return messages
}
