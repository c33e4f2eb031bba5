package obs_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	collectorv1 "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
)

var _ obs.Run = (*taskv1.RunRef)(nil)

func setup(t *testing.T, cfg obs.Config, w io.Writer) *obs.Telemetry {
	t.Helper()
	tel, err := obs.Setup(t.Context(), cfg, w)
	if err != nil {
		t.Fatal(err)
	}
	return tel
}

func record(t *testing.T) (*obs.Telemetry, *tracetest.SpanRecorder) {
	t.Helper()
	tel := setup(t, obs.Config{Service: "test"}, io.Discard)
	spans := tracetest.NewSpanRecorder()
	tel.Provider.(*sdktrace.TracerProvider).RegisterSpanProcessor(spans)
	return tel, spans
}

func attrs(s sdktrace.ReadOnlySpan) map[string]any {
	all := map[string]any{}
	for _, a := range s.Attributes() {
		all[string(a.Key)] = a.Value.AsInterface()
	}
	return all
}

func TestSpansBelowARunSayWhichRun(t *testing.T) {
	t.Parallel()
	tel, spans := record(t)
	run := &taskv1.RunRef{RunId: "e-20261123-1", CustomerId: "acme", ExportId: "e", ExportDate: "2026-11-23"}
	ctx, outer := tel.Start(t.Context(), obs.SpanExtract, append(obs.RunAttrs(run), attribute.Int(obs.KeyPart, 1), attribute.Int(obs.KeyRows, 9))...)
	ctx, inner := tel.Start(ctx, obs.SpanEncode, attribute.Int(obs.KeyPart, 2))
	_, other := tel.Provider.Tracer("of a library").Start(ctx, "call")
	for _, s := range []trace.Span{other, inner, outer} {
		obs.End(s, nil)
	}
	want := map[string]any{
		obs.KeyCustomerID: "acme", obs.KeyExportID: "e", obs.KeyExportDate: "2026-11-23", obs.KeyRunID: "e-20261123-1",
		obs.KeyPart: int64(2), // the nearest says; rows are an outcome and stay where they were set
	}
	for _, s := range spans.Ended()[:2] {
		if diff := cmp.Diff(want, attrs(s)); diff != "" {
			t.Errorf("attributes of %q differ (-want +got):\n%s", s.Name(), diff)
		}
	}
}

func TestWithAttrsReachesTheSpanInProgressAndThoseBelow(t *testing.T) {
	t.Parallel()
	tel, spans := record(t)
	ctx, outer := tel.Start(t.Context(), "outer")
	ctx = obs.WithAttrs(ctx, attribute.String(obs.KeyTable, "DIM_DATES"))
	_, inner := tel.Start(ctx, "inner")
	obs.End(inner, nil)
	obs.End(outer, nil)
	for _, s := range spans.Ended() {
		if got := attrs(s)[obs.KeyTable]; got != "DIM_DATES" {
			t.Errorf("%s of %q = %v, want DIM_DATES", obs.KeyTable, s.Name(), got)
		}
	}
}

func TestEndSetsStatusAndReason(t *testing.T) {
	t.Parallel()
	tel, spans := record(t)
	_, bad := tel.Start(t.Context(), "bad")
	obs.End(bad, fault.New(fault.State, fault.ReasonScopeViolation, "a row is outside"))
	_, good := tel.Start(t.Context(), "good")
	obs.End(good, nil)
	ended := spans.Ended()
	if got := ended[0].Status(); got.Code != codes.Error || got.Description != "a row is outside" {
		t.Errorf("status = %+v, want the error", got)
	}
	if got := attrs(ended[0])[obs.KeyReason]; got != "SCOPE_VIOLATION" {
		t.Errorf("reason = %v, want SCOPE_VIOLATION", got)
	}
	if got := ended[1].Status().Code; got != codes.Unset {
		t.Errorf("status of a good span = %v, want unset", got)
	}
}

func TestTraceparentRoundTrip(t *testing.T) {
	t.Parallel()
	tel := setup(t, obs.Config{}, io.Discard)
	ctx, span := tel.Start(t.Context(), obs.SpanDue)
	tp := obs.Traceparent(ctx)
	if !strings.HasSuffix(tp, "-01") {
		t.Errorf("traceparent %q is not sampled", tp)
	}
	got := trace.SpanContextFromContext(obs.ContextWithTraceparent(context.Background(), tp))
	if got.TraceID() != span.SpanContext().TraceID() || got.SpanID() != span.SpanContext().SpanID() {
		t.Errorf("span of %q = %v, want %v", tp, got, span.SpanContext())
	}
	for _, bad := range []string{"", "nonsense"} {
		if got := obs.Traceparent(obs.ContextWithTraceparent(context.Background(), bad)); got != "" {
			t.Errorf("traceparent after %q = %q, want none", bad, got)
		}
	}
}

func TestLogLinesLeadToTheirTrace(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	tel := setup(t, obs.Config{Service: "planner"}, &out)
	ctx, span := tel.Start(t.Context(), obs.SpanPlan)
	tel.Logger.With(obs.KeyRunID, "r").InfoContext(ctx, "planned")
	tel.Logger.DebugContext(ctx, "not at this level")
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("decoding %q: %v", out.String(), err)
	}
	delete(line, "time")
	want := map[string]any{
		"level": "INFO", "msg": "planned", obs.KeyService: "planner", obs.KeyRunID: "r",
		obs.KeyTraceID: span.SpanContext().TraceID().String(), obs.KeySpanID: span.SpanContext().SpanID().String(),
	}
	if diff := cmp.Diff(want, line); diff != "" {
		t.Errorf("log line differs (-want +got):\n%s", diff)
	}
}

func TestBadSettingsAreNamed(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		cfg  obs.Config
		want string
	}{
		{obs.Config{LogLevel: "loud"}, "log_level"},
		{obs.Config{LogFormat: "xml"}, "log_format"},
		{obs.Config{CPUProfile: "no such folder/profile"}, "cpu_profile"},
	} {
		if _, err := obs.Setup(t.Context(), test.cfg, io.Discard); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("Setup(%+v) = %v, want an error that names %s", test.cfg, err, test.want)
		}
	}
}

// receiver is an OTLP receiver that remembers span names.
type receiver struct {
	collectorv1.UnimplementedTraceServiceServer
	names chan string
}

func (r *receiver) Export(_ context.Context, req *collectorv1.ExportTraceServiceRequest) (*collectorv1.ExportTraceServiceResponse, error) {
	for _, resource := range req.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				r.names <- span.GetName()
			}
		}
	}
	return &collectorv1.ExportTraceServiceResponse{}, nil
}

func TestSpansLeaveSoonAfterTheyEnd(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{names: make(chan string, 10)}
	server := grpc.NewServer()
	collectorv1.RegisterTraceServiceServer(server, r)
	go server.Serve(listener) //nolint:errcheck // ends with Stop
	t.Cleanup(server.Stop)
	tel := setup(t, obs.Config{Service: "test", OTLPEndpoint: listener.Addr().String()}, io.Discard)
	_, span := tel.Start(t.Context(), obs.SpanQuery)
	obs.End(span, nil)
	select {
	case got := <-r.names:
		if got != obs.SpanQuery {
			t.Errorf("received span %q, want %q", got, obs.SpanQuery)
		}
	case <-time.After(20 * time.Second):
		t.Error("no span received")
	}
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown() = %v", err)
	}
}

func TestAnAbsentReceiverDoesNotFailTheService(t *testing.T) {
	t.Parallel()
	tel := setup(t, obs.Config{OTLPEndpoint: "127.0.0.1:1"}, io.Discard)
	_, span := tel.Start(t.Context(), obs.SpanQuery)
	obs.End(span, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := tel.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown() = %v, want nil or the context's end", err)
	}
}

func TestTheProfileIsWholeAfterShutdown(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cpu.pprof")
	tel := setup(t, obs.Config{Service: "test", CPUProfile: path}, io.Discard)
	if _, err := obs.Setup(t.Context(), obs.Config{Service: "other", CPUProfile: path + "2"}, io.Discard); err == nil {
		t.Error("a second profile began in the same process")
	}
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	unpacked, err := gzip.NewReader(file) // as go tool pprof reads it
	if err != nil {
		t.Fatal(err)
	}
	if data, err := io.ReadAll(unpacked); err != nil || !bytes.Contains(data, []byte("nanoseconds")) {
		t.Errorf("the profile has %d bytes, %v", len(data), err)
	}
}
