package plan_test

import (
	"slices"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/customer-exports/exports/pkg/bus/bustest"
	"github.com/customer-exports/exports/pkg/obs"
	"github.com/customer-exports/exports/services/planner/internal/run"
)

// TestTrace asserts that a run is one trace of its own, begun once, however many planners tried.
func TestTrace(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	url, c := bustest.Start(t), &clock{at: now}
	export := acme("acme-daily", "02:00")
	export.Revision.Spec.StartDate = "2026-01-12"
	p, b := planner(t, url, c, export)
	p.Tel.Tracer = provider.Tracer("test")
	if err := p.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Start(t.Context(), "acme-daily", "2026-01-12", ann); err != nil { // loses: the run exists
		t.Fatal(err)
	}
	spans := map[string][]sdktrace.ReadOnlySpan{}
	for _, s := range recorder.Ended() {
		spans[s.Name()] = append(spans[s.Name()], s)
	}
	if len(spans[obs.SpanTick]) != 1 || len(spans[obs.SpanDue]) != 1 || len(spans[obs.SpanPlan]) != 1 {
		t.Fatalf("spans %v, want one tick, one due and one plan", spans)
	}
	tick, due, planned := spans[obs.SpanTick][0], spans[obs.SpanDue][0], spans[obs.SpanPlan][0]
	if due.Parent().IsValid() || due.SpanContext().TraceID() == tick.SpanContext().TraceID() {
		t.Error("the root of the run hangs in the tick's trace")
	}
	if len(due.Links()) != 1 || due.Links()[0].SpanContext.SpanID() != tick.SpanContext().SpanID() {
		t.Errorf("the root of the run is linked to %v, want the tick", due.Links())
	}
	if planned.Parent().SpanID() != due.SpanContext().SpanID() {
		t.Error("plan run does not hang below due run")
	}
	attrs := attribute.NewSet(due.Attributes()...)
	for key, want := range map[string]string{
		obs.KeyRunID: runID, obs.KeyCustomerID: "acme", obs.KeyExportID: "acme-daily", obs.KeyExportDate: "2026-01-12",
		obs.KeyDueTime:  time.Date(2026, 1, 12, 2, 0, 0, 0, time.UTC).Format(time.RFC3339),
		obs.KeyDeadline: time.Date(2026, 1, 13, 2, 0, 0, 0, time.UTC).Format(time.RFC3339),
	} {
		if got, _ := attrs.Value(attribute.Key(key)); got.AsString() != want {
			t.Errorf("due run has %s %q, want %q", key, got.AsString(), want)
		}
	}
	r, err := p.Store.Get(t.Context(), runID)
	if err != nil || r.GetTraceId() != due.SpanContext().TraceID().String() || r.GetState() != run.Measuring {
		t.Errorf("the record has trace %q, %v", r.GetTraceId(), err)
	}
	if _, messages := tasks(t, b); messages[0].Header.Get("traceparent") != r.GetTraceparent() {
		t.Errorf("the task's parent is %q, want the root %q", messages[0].Header.Get("traceparent"), r.GetTraceparent())
	}
}

// TestARunIsLinkedToTheOneThatItFollows reads a cancelled run once more.
func TestARunIsLinkedToTheOneThatItFollows(t *testing.T) {
	p, _ := started(t, bustest.Start(t), &clock{at: now})
	first, err := p.Cancel(t.Context(), runID, ann)
	if err != nil {
		t.Fatal(err)
	}
	recorder := tracetest.NewSpanRecorder()
	p.Tel.Tracer = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)).Tracer("test")
	next, err := p.ReExtract(t.Context(), runID, time.Time{}, ann)
	if err != nil || next.GetTraceId() == first.GetTraceId() {
		t.Fatalf("the new run has trace %q, %v; want one of its own", next.GetTraceId(), err)
	}
	var linked []string
	for _, s := range recorder.Ended() {
		for _, link := range s.Links() {
			linked = append(linked, link.SpanContext.TraceID().String())
		}
	}
	if !slices.Contains(linked, first.GetTraceId()) {
		t.Errorf("the new run is linked to %q, want the trace %s of the first", linked, first.GetTraceId())
	}
}
