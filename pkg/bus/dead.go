package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	eventv1 "github.com/customer-exports/exports/proto/exports/event/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
)

// Headers of a message in stream DEAD, beside those it had from us.
const (
	HeaderCause    = "Exports-Cause"    // one line
	HeaderReason   = "Exports-Reason"   // as in pkg/fault
	HeaderAttempts = "Exports-Attempts" // deliveries it had
)

// EventTaskDead is the type of the event that tells of a task in DEAD.
const EventTaskDead = "task.dead"

const maxCause = 1000

// corpse is a task about to be moved to DEAD.
type corpse struct {
	subject  string
	header   nats.Header
	data     []byte
	seq      uint64
	attempts int
	cause    error
}

// bury moves a task to DEAD: first the copy, then the end of the original, because a terminated message of a work queue
// is gone.
func (c *consumption) bury(ctx context.Context, msg jetstream.Msg, seq uint64, d Delivery, cause error) error {
	dead := corpse{subject: msg.Subject(), header: msg.Headers(), data: msg.Data(), seq: seq, attempts: d.Attempt, cause: cause}
	if err := c.copyToDead(ctx, dead); err != nil {
		return err
	}
	return msg.TermWithReason(string(fault.ReasonOf(cause)))
}

func (c *consumption) copyToDead(ctx context.Context, d corpse) error {
	reason := fault.ReasonOf(d.cause)
	c.tel.Logger.ErrorContext(ctx, "task given up and moved to DEAD", obs.KeySubject, d.subject, obs.KeyAttempt, d.attempts,
		obs.KeyReason, reason, obs.KeyError, d.cause)
	header := kept(d.header)
	header.Set(headerMsgID, fmt.Sprintf("dead.%d", d.seq))
	header.Set(HeaderCause, oneLine(d.cause.Error()))
	header.Set(HeaderReason, string(reason))
	header.Set(HeaderAttempts, strconv.Itoa(d.attempts))
	if err := c.bus.store(ctx, &nats.Msg{Subject: deadSubject(d.subject), Header: header, Data: d.data}); err != nil {
		return err
	}
	c.tell(ctx, d, reason)
	return nil
}

// deadSubject is where a task that was queued on subject is put when it is given up.
func deadSubject(subject string) string { return deadPrefix + strings.TrimPrefix(subject, taskPrefix) }

// tell announces a dead task. It is a hint: the task is in DEAD whether or not anybody hears.
func (c *consumption) tell(ctx context.Context, d corpse, reason fault.Reason) {
	var t taskv1.Task
	if err := proto.Unmarshal(d.data, &t); err != nil {
		return // named by its subject in DEAD
	}
	err := c.bus.PublishEvent(ctx, c.tel, &eventv1.Event{
		Type: EventTaskDead, Reason: string(reason),
		Message:    fmt.Sprintf("task %s given up after attempt %d", t.GetTaskId(), d.attempts),
		CustomerId: t.GetRun().GetCustomerId(), ExportId: t.GetRun().GetExportId(),
		RunId: t.GetRun().GetRunId(), ExportDate: t.GetRun().GetExportDate(),
	})
	if err != nil {
		c.tel.Logger.WarnContext(ctx, "dead task not announced", obs.KeyTaskID, t.GetTaskId(), obs.KeyError, err)
	}
}

func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	return strings.ToValidUTF8(s[:min(len(s), maxCause)], "")
}

// advisories creates or finds the consumer of what the server says about this consumer's tasks.
func (c *consumption) advisories(ctx context.Context) (jetstream.Consumer, error) {
	consumer, err := c.bus.js.CreateOrUpdateConsumer(ctx, StreamAdvisories, jetstream.ConsumerConfig{
		Durable: "dead-" + c.cfg.Name, FilterSubject: maxDeliveries + c.cfg.Name, AckPolicy: jetstream.AckExplicitPolicy,
		AckWait: 3 * settleTimeout,
	})
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, fault.ReasonUnavailable, "preparing consumer dead-%s", c.cfg.Name)
	}
	return consumer, nil
}

// exhausted moves a task to DEAD that used up its attempts without being settled, because its workers crashed or
// stalled. It would stay in the queue, undelivered, and only this advisory tells.
func (c *consumption) exhausted(work context.Context, advisory jetstream.Msg) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(work), settleTimeout)
	defer cancel()
	err := c.moveExhausted(ctx, advisory.Data())
	if err == nil {
		err = advisory.DoubleAck(ctx)
	}
	if err != nil {
		c.tel.Logger.WarnContext(ctx, "exhausted task not moved to DEAD, trying again", obs.KeyConsumer, c.cfg.Name, obs.KeyError, err)
	}
}

func (c *consumption) moveExhausted(ctx context.Context, advisory []byte) error {
	var about struct {
		Sequence   uint64 `json:"stream_seq"`
		Deliveries int    `json:"deliveries"`
	}
	if err := json.Unmarshal(advisory, &about); err != nil {
		return fmt.Errorf("decoding an advisory: %w", err)
	}
	stream, err := c.bus.js.Stream(ctx, StreamTasks)
	if err != nil {
		return fmt.Errorf("opening stream %s: %w", StreamTasks, err)
	}
	raw, err := stream.GetMsg(ctx, about.Sequence)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil // a late acknowledgement counted, or it was moved before
	}
	if err != nil {
		return fmt.Errorf("reading task message %d: %w", about.Sequence, err)
	}
	cause := fault.New(fault.Unavailable, fault.ReasonAttemptsExhausted, "%d attempts ended without an answer", about.Deliveries)
	dead := corpse{subject: raw.Subject, header: raw.Header, data: raw.Data, seq: raw.Sequence, attempts: about.Deliveries, cause: cause}
	if err := c.copyToDead(ctx, dead); err != nil {
		return err
	}
	if err := stream.DeleteMsg(ctx, raw.Sequence); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
		return fmt.Errorf("deleting task message %d: %w", raw.Sequence, err)
	}
	return nil
}
