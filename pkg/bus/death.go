package bus

import (
	"context"
	"strconv"
	"time"

	"github.com/customer-exports/exports/pkg/fault"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
)

// Death is what the stream DEAD knows of a task.
type Death struct {
	// Count is how often it was given up; the other fields are those of the last time.
	Count    int
	Reason   fault.Reason
	Cause    string
	Attempts int
	Time     time.Time
}

// Death tells how often a task was given up, as far back as DEAD reaches. The zero value means never.
func (b *Bus) Death(ctx context.Context, kind string, t *taskv1.Task) (Death, error) {
	subject := deadSubject(taskSubject(kind, t))
	info, err := b.subjects(ctx, StreamDead, subject)
	if err != nil {
		return Death{}, fault.Wrap(err, fault.Unavailable, fault.ReasonUnavailable, "looking for task %s in %s", t.GetTaskId(), StreamDead)
	}
	count := int(info.State.Subjects[subject])
	if count == 0 {
		return Death{}, nil
	}
	dead, err := b.open(ctx, StreamDead)
	if err != nil {
		return Death{}, fault.Wrap(err, fault.Unavailable, fault.ReasonUnavailable, "opening stream %s", StreamDead)
	}
	letter, err := dead.GetLastMsgForSubject(ctx, subject)
	if err != nil {
		return Death{}, fault.Wrap(err, fault.Unavailable, fault.ReasonUnavailable, "reading why task %s was given up", t.GetTaskId())
	}
	attempts, _ := strconv.Atoi(letter.Header.Get(HeaderAttempts)) // 0 when somebody else put it there
	return Death{
		Count: count, Reason: fault.Reason(letter.Header.Get(HeaderReason)), Cause: letter.Header.Get(HeaderCause),
		Attempts: attempts, Time: letter.Time,
	}, nil
}
