package bus

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"

	"github.com/customer-exports/exports/pkg/fault"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
)

// Letter is a task in the stream DEAD.
type Letter struct {
	// Sequence is its place there.
	Sequence uint64
	// Kind, CustomerID and TaskID are those of its subject.
	Kind, CustomerID, TaskID string
	// Task is nil when it cannot be read.
	Task     *taskv1.Task
	Reason   fault.Reason
	Cause    string
	Attempts int
	Time     time.Time
}

// LetterFilter narrows what is read of DEAD; an empty field does not. RunID is the first token of task ids, and is not looked
// at when TaskID is set.
type LetterFilter struct{ CustomerID, RunID, TaskID string }

// subject is the filter as the server understands it; false means that nothing can match.
func (f LetterFilter) subject() (string, bool) {
	if f == (LetterFilter{}) {
		return deadPrefix + ">", true // also what was queued on a subject that is no task's
	}
	customer, tasks, fits := "*", ">", true
	if f.CustomerID != "" {
		customer, fits = f.CustomerID, isToken(f.CustomerID)
	}
	switch {
	case f.TaskID != "":
		tasks, fits = f.TaskID, fits && isTokens(f.TaskID)
	case f.RunID != "":
		tasks, fits = f.RunID+".>", fits && isToken(f.RunID)
	}
	return deadPrefix + "*." + customer + "." + tasks, fits
}

// Letters reads at most limit tasks from the stream DEAD, oldest first, from a sequence on.
func (b *Bus) Letters(ctx context.Context, f LetterFilter, from uint64, limit int) ([]Letter, error) {
	subject, fits := f.subject()
	if !fits {
		return nil, nil
	}
	dead, err := b.open(ctx, StreamDead)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, fault.ReasonUnavailable, "opening stream %s", StreamDead)
	}
	var letters []Letter
	for len(letters) < limit {
		raw, err := dead.GetMsg(ctx, max(from, 1), jetstream.WithGetMsgSubject(subject))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			break
		}
		if err != nil {
			return nil, fault.Wrap(err, fault.Unavailable, fault.ReasonUnavailable, "reading stream %s", StreamDead)
		}
		letters, from = append(letters, letter(raw)), raw.Sequence+1
	}
	return letters, nil
}

func letter(raw *jetstream.RawStreamMsg) Letter {
	named := queued(taskPrefix+strings.TrimPrefix(raw.Subject, deadPrefix), 1)
	attempts, _ := strconv.Atoi(raw.Header.Get(HeaderAttempts)) // 0 when somebody else put it there
	l := Letter{
		Sequence: raw.Sequence, Kind: named.Kind, CustomerID: named.CustomerID, TaskID: named.TaskID,
		Reason: fault.Reason(raw.Header.Get(HeaderReason)), Cause: raw.Header.Get(HeaderCause), Attempts: attempts, Time: raw.Time,
	}
	if t := new(taskv1.Task); proto.Unmarshal(raw.Data, t) == nil && raw.Subject == deadSubject(taskSubject(named.Kind, t)) {
		l.Task = t
	}
	return l
}

// RemoveLetter takes a task out of DEAD. One that is not there was taken out before.
func (b *Bus) RemoveLetter(ctx context.Context, sequence uint64) error {
	dead, err := b.open(ctx, StreamDead)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, fault.ReasonUnavailable, "opening stream %s", StreamDead)
	}
	if err := dead.DeleteMsg(ctx, sequence); err != nil {
		// The server's refusal does not say by a code of its own that there is none.
		if _, missing := dead.GetMsg(ctx, sequence); errors.Is(missing, jetstream.ErrMsgNotFound) {
			return nil
		}
		return fault.Wrap(err, fault.Unavailable, fault.ReasonUnavailable, "removing task message %d from %s", sequence, StreamDead)
	}
	return nil
}
