package bus

import (
	"context"
	"errors"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
)

// Queued is a task in the stream TASKS: it waits for a worker, or a worker has it.
type Queued struct {
	Kind, CustomerID, TaskID string
	// Messages is above 1 while a task is handed back at its last attempt, or when it was queued by hand.
	Messages int
}

// Backlog is all that is in the stream TASKS at one moment. From then on tasks only leave, until one is queued with a
// sequence above Last: whoever decides by it queues with PublishTaskAfter.
type Backlog struct {
	Tasks []Queued
	// Last is the sequence of the last task ever queued.
	Last uint64
}

// maxSubjects is how many subjects the server tells at once. Beyond, the answer is put together from several moments.
const maxSubjects = 100_000

// Backlog asks the leader of the stream TASKS, which is created when it is gone.
func (b *Bus) Backlog(ctx context.Context) (Backlog, error) {
	info, err := b.subjects(ctx, StreamTasks, taskPrefix+">")
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if err := b.EnsureTasks(ctx); err != nil {
			return Backlog{}, err
		}
		info, err = b.subjects(ctx, StreamTasks, taskPrefix+">")
	}
	if err != nil {
		return Backlog{}, fault.Wrap(err, fault.Unavailable, fault.ReasonUnavailable, "reading what is queued")
	}
	if len(info.State.Subjects) >= maxSubjects {
		return Backlog{}, fault.New(fault.Exhausted, fault.ReasonExhausted, "stream %s holds more tasks than can be counted at once", StreamTasks)
	}
	// The server takes the sequence before the subjects, so no task at or below it can be missed.
	backlog := Backlog{Last: info.State.LastSeq}
	for subject, messages := range info.State.Subjects {
		backlog.Tasks = append(backlog.Tasks, queued(subject, int(messages)))
	}
	return backlog, nil
}

func queued(subject string, messages int) Queued {
	q := Queued{Messages: messages}
	rest := strings.TrimPrefix(subject, taskPrefix)
	q.Kind, rest, _ = strings.Cut(rest, ".")
	q.CustomerID, q.TaskID, _ = strings.Cut(rest, ".")
	return q
}

// subjects asks for the subjects of a stream, with the number of messages on each.
func (b *Bus) subjects(ctx context.Context, stream, filter string) (*jetstream.StreamInfo, error) {
	s, err := b.open(ctx, stream)
	if err != nil {
		return nil, err
	}
	return s.Info(ctx, jetstream.WithSubjectFilter(filter))
}

// open finds a stream once: a handle stays good when the stream is made anew.
func (b *Bus) open(ctx context.Context, name string) (jetstream.Stream, error) {
	if s, found := b.opened.Load(name); found {
		return s.(jetstream.Stream), nil
	}
	s, err := b.js.Stream(ctx, name)
	if err == nil {
		b.opened.Store(name, s)
	}
	return s, err
}

// ErrOvertaken says that a task was not queued, because another one was since the backlog was read.
var ErrOvertaken = errors.New("another task was queued meanwhile")

// PublishTaskAfter queues a task with ctx's span as its parent, as long as none was queued after the one with the sequence
// last. It returns the task's own sequence, the last from then on, or ErrOvertaken when somebody was faster. A task that was
// lost may be queued again at once.
func (b *Bus) PublishTaskAfter(ctx context.Context, tel *obs.Telemetry, kind string, t *taskv1.Task, last uint64) (uint64, error) {
	if err := checkTask(kind, t); err != nil {
		return 0, err
	}
	data, err := proto.Marshal(t)
	if err != nil {
		return 0, fault.Wrap(err, fault.Internal, fault.ReasonInternal, "encoding task %s", t.GetTaskId())
	}
	// Without a message id: within two minutes the server would drop a task that comes again, and call it queued.
	msg := &nats.Msg{Subject: taskSubject(kind, t), Header: nats.Header{}, Data: data}
	tel.Propagator.Inject(ctx, carrier(msg.Header))
	ack, err := b.js.PublishMsg(ctx, msg, jetstream.WithExpectLastSequence(last))
	if overtaken(err) {
		return 0, ErrOvertaken
	}
	if err != nil {
		return 0, fault.Wrap(err, fault.Unavailable, fault.ReasonUnavailable, "publishing to %s", msg.Subject)
	}
	return ack.Sequence, nil
}

func overtaken(err error) bool {
	var refused *jetstream.APIError
	return errors.As(err, &refused) && (refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
		refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}
