package bus

import (
	"context"
	"crypto/rand"
	"strings"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	eventv1 "github.com/customer-exports/exports/proto/exports/event/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
)

const headerMsgID = "Nats-Msg-Id"

// PublishTask queues a task of a kind (measure, extract, commit, abort) with ctx's span as its parent, and returns once it is
// stored. Within two minutes the same task id is queued once, even when the first was settled meanwhile.
func (b *Bus) PublishTask(ctx context.Context, tel *obs.Telemetry, kind string, t *taskv1.Task) error {
	if err := checkTask(kind, t); err != nil {
		return err
	}
	return b.publish(ctx, tel, taskSubject(kind, t), t.GetTaskId(), t)
}

func checkTask(kind string, t *taskv1.Task) error {
	if customer := t.GetRun().GetCustomerId(); !isToken(kind) || !isToken(customer) || !isTokens(t.GetTaskId()) {
		return fault.New(fault.Invalid, fault.ReasonTaskInvalid, "task %q of kind %q for customer %q cannot be queued", t.GetTaskId(), kind, customer)
	}
	return nil
}

// taskSubject names the task, so that a stream's subjects alone say what is in it.
func taskSubject(kind string, t *taskv1.Task) string {
	return taskPrefix + kind + "." + t.GetRun().GetCustomerId() + "." + t.GetTaskId()
}

// PublishEvent tells a fact on event.{type}.{customer}, with _ for no customer. Empty event_id, source and event_time are
// filled in.
func (b *Bus) PublishEvent(ctx context.Context, tel *obs.Telemetry, e *eventv1.Event) error {
	e = b.completed(e)
	customer := e.GetCustomerId()
	if customer == "" {
		customer = "_"
	}
	if !isToken(customer) || !isTokens(e.GetType()) {
		return fault.New(fault.Invalid, fault.ReasonValidation, "event %q for customer %q cannot be told", e.GetType(), customer)
	}
	return b.publish(ctx, tel, eventPrefix+e.GetType()+"."+customer, e.GetEventId(), e)
}

func (b *Bus) completed(e *eventv1.Event) *eventv1.Event {
	e = proto.CloneOf(e)
	if e.GetEventId() == "" {
		e.EventId = rand.Text()
	}
	if e.GetSource() == "" {
		e.Source = b.name
	}
	if e.GetEventTime() == nil {
		e.EventTime = timestamppb.New(b.now())
	}
	return e
}

func (b *Bus) publish(ctx context.Context, tel *obs.Telemetry, subject, id string, m proto.Message) error {
	data, err := proto.Marshal(m)
	if err != nil {
		return fault.Wrap(err, fault.Internal, fault.ReasonInternal, "encoding a message for %s", subject)
	}
	msg := &nats.Msg{Subject: subject, Header: nats.Header{headerMsgID: {id}}, Data: data}
	tel.Propagator.Inject(ctx, carrier(msg.Header))
	return b.store(ctx, msg)
}

// store publishes and waits until the stream has it.
func (b *Bus) store(ctx context.Context, msg *nats.Msg) error {
	if _, err := b.js.PublishMsg(ctx, msg); err != nil {
		return fault.Wrap(err, fault.Unavailable, fault.ReasonUnavailable, "publishing to %s", msg.Subject)
	}
	return nil
}

// isToken reports whether s is one token of a subject, so that an id can never widen where a message goes.
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r == 0x7f || r == '.' || r == '*' || r == '>'
	})
}

func isTokens(s string) bool {
	for token := range strings.SplitSeq(s, ".") {
		if !isToken(token) {
			return false
		}
	}
	return true
}
