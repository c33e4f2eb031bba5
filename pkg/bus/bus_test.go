package bus

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/customer-exports/exports/pkg/bus/bustest"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	eventv1 "github.com/customer-exports/exports/proto/exports/event/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait for something that must happen.
const patience = 30 * time.Second

func telemetry(t *testing.T) *obs.Telemetry {
	t.Helper()
	tel, err := obs.Setup(t.Context(), obs.Config{Service: "test"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return tel
}

// connect returns a bus on a server of its own, with its streams.
func connect(t *testing.T) *Bus {
	t.Helper()
	b, err := Connect(t.Context(), Config{URL: bustest.Start(t)}, "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	b.random = func() float64 { return 0 } // the shortest of each backoff
	if err := b.EnsureTasks(t.Context()); err != nil {
		t.Fatal(err)
	}
	return b
}

func task(id string) *taskv1.Task {
	return &taskv1.Task{
		TaskId: id,
		Run:    &taskv1.RunRef{RunId: "e-20261123-1", CustomerId: "acme", ExportId: "e", ExportDate: "2026-11-23"},
		Work:   &taskv1.Task_Measure{Measure: &taskv1.MeasureWork{}},
	}
}

// queue queues tasks as the planner does.
func queue(t *testing.T, b *Bus, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if err := again(t, b, id); err != nil {
			t.Fatal(err)
		}
	}
}

func messages(t *testing.T, b *Bus, stream string) uint64 {
	t.Helper()
	s, err := b.js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().State.Msgs
}

// await blocks until the stream holds n messages.
func await(t *testing.T, b *Bus, stream string, n uint64) {
	t.Helper()
	deadline := time.After(patience)
	for messages(t, b, stream) != n {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-deadline:
			t.Fatalf("stream %s holds %d messages, want %d", stream, messages(t, b, stream), n)
		}
	}
}

func TestConnectFailsInOneLine(t *testing.T) {
	t.Parallel()
	_, err := Connect(t.Context(), Config{URL: "nats://127.0.0.1:1"}, "test")
	if fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "nats.url") {
		t.Errorf("Connect() = %v, want unavailable and the setting's name", err)
	}
}

func TestEnsureIsRepeatable(t *testing.T) {
	t.Parallel()
	b := connect(t)
	for range 2 {
		if err := b.EnsureTasks(t.Context()); err != nil {
			t.Fatal(err)
		}
		kv, err := b.EnsureBucket(t.Context(), "RUNS")
		if err != nil {
			t.Fatal(err)
		}
		status, err := kv.Status(t.Context())
		if err != nil || status.History() != bucketHistory {
			t.Errorf("status = %v, %v, want a history of %d", status, err, bucketHistory)
		}
	}
}

func TestTaskMessage(t *testing.T) {
	t.Parallel()
	b, tel := connect(t), telemetry(t)
	ctx, span := tel.Start(t.Context(), obs.SpanDue)
	defer obs.End(span, nil)
	for range 2 { // the second is dropped as a duplicate
		if err := b.PublishTask(ctx, tel, "measure", task("r.measure")); err != nil {
			t.Fatal(err)
		}
	}
	if got := messages(t, b, StreamTasks); got != 1 {
		t.Errorf("%d messages queued, want 1", got)
	}
	stream, err := b.js.Stream(ctx, StreamTasks)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := stream.GetMsg(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	if raw.Subject != "task.measure.acme.r.measure" {
		t.Errorf("subject = %q", raw.Subject)
	}
	want := nats.Header{"Nats-Msg-Id": {"r.measure"}, "traceparent": {obs.Traceparent(ctx)}}
	if diff := cmp.Diff(want, raw.Header); diff != "" {
		t.Errorf("headers differ (-want +got):\n%s", diff)
	}
	got := new(taskv1.Task)
	if err := proto.Unmarshal(raw.Data, got); err != nil || !proto.Equal(got, task("r.measure")) {
		t.Errorf("task = %v, %v", got, err)
	}
}

func TestIdsCannotWidenASubject(t *testing.T) {
	t.Parallel()
	b, tel := connect(t), telemetry(t)
	for _, customer := range []string{"", "a.b", "*", ">", "a b", "a\n"} {
		bad := task("x")
		bad.Run.CustomerId = customer
		if err := b.PublishTask(t.Context(), tel, "measure", bad); fault.KindOf(err) != fault.Invalid {
			t.Errorf("PublishTask for customer %q = %v, want invalid", customer, err)
		}
		if customer == "" {
			continue // an event may concern no customer
		}
		if err := b.PublishEvent(t.Context(), tel, &eventv1.Event{Type: "a.b", CustomerId: customer}); fault.KindOf(err) != fault.Invalid {
			t.Errorf("PublishEvent for customer %q = %v, want invalid", customer, err)
		}
	}
	for _, id := range []string{"", "a..b", "a.>", "a b"} {
		if err := b.PublishTask(t.Context(), tel, "measure", task(id)); fault.KindOf(err) != fault.Invalid {
			t.Errorf("PublishTask of %q = %v, want invalid", id, err)
		}
	}
	if err := b.PublishEvent(t.Context(), tel, &eventv1.Event{Type: "a..b"}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("PublishEvent of type a..b = %v, want invalid", err)
	}
}

func TestEventIsCompleted(t *testing.T) {
	t.Parallel()
	b, tel := connect(t), telemetry(t)
	for _, e := range []*eventv1.Event{{Type: "drop.committed", CustomerId: "acme"}, {Type: "config.changed"}} {
		if err := b.PublishEvent(t.Context(), tel, e); err != nil {
			t.Fatal(err)
		}
	}
	stream, err := b.js.Stream(t.Context(), StreamEvents)
	if err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{"event.drop.committed.acme", "event.config.changed._"} {
		raw, err := stream.GetLastMsgForSubject(t.Context(), subject)
		if err != nil {
			t.Errorf("reading %s: %v", subject, err)
			continue
		}
		got := new(eventv1.Event)
		if err := proto.Unmarshal(raw.Data, got); err != nil || got.GetEventId() == "" || got.GetSource() != "test" || got.GetEventTime() == nil {
			t.Errorf("event = %v, %v, want id, source and time", got, err)
		}
	}
}

func TestCarrierKeepsLowerCase(t *testing.T) {
	t.Parallel()
	h := nats.Header{"Traceparent": {"of somebody else"}}
	c := carrier(h)
	if got := c.Get("traceparent"); got != "" {
		t.Errorf("Get = %q, want nothing: names are case-sensitive", got)
	}
	c.Set("traceparent", "ours")
	if got := h["traceparent"]; len(got) != 1 || got[0] != "ours" || len(c.Keys()) != 2 {
		t.Errorf("headers = %v", h)
	}
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		attempt int
		random  float64
		want    time.Duration
	}{
		{0, 1, time.Second},
		{1, 0, time.Second / 2},
		{1, 1, time.Second},
		{3, 1, 4 * time.Second},
		{3, 0.5, 3 * time.Second},
		{6, 1, 32 * time.Second},
		{7, 1, time.Minute},
		{1 << 40, 1, time.Minute},
	} {
		if got := backoff(test.attempt, test.random); got != test.want {
			t.Errorf("backoff(%d, %g) = %s, want %s", test.attempt, test.random, got, test.want)
		}
	}
}

func deadLetter(t *testing.T, b *Bus) *jetstream.RawStreamMsg {
	t.Helper()
	await(t, b, StreamDead, 1)
	stream, err := b.js.Stream(context.Background(), StreamDead)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := stream.GetMsg(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func encoded(t *testing.T, id, customer string) []byte {
	t.Helper()
	forged := task(id)
	forged.Run.CustomerId = customer
	data, err := proto.Marshal(forged)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
