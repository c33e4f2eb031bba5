package rpc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	"github.com/customer-exports/exports/pkg/rpc"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	slav1 "github.com/customer-exports/exports/proto/exports/sla/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service answers by functions that each test sets.
type service struct {
	slav1.UnimplementedSlaServiceServer
	deliveryv1.UnimplementedPartServiceServer
	configv1.UnimplementedConfigServiceServer
	verdict func(context.Context) error
	upload  func(grpc.ClientStreamingServer[deliveryv1.UploadPartRequest, deliveryv1.UploadPartResponse]) error
}

func (s *service) GetVerdict(ctx context.Context, _ *slav1.GetVerdictRequest) (*slav1.GetVerdictResponse, error) {
	if err := s.verdict(ctx); err != nil {
		return nil, err
	}
	return &slav1.GetVerdictResponse{}, nil
}

func (s *service) UploadPart(stream grpc.ClientStreamingServer[deliveryv1.UploadPartRequest, deliveryv1.UploadPartResponse]) error {
	return s.upload(stream)
}

// log is a buffer that handlers may write to at once.
type log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

type bench struct {
	conn  *grpc.ClientConn
	tel   *obs.Telemetry
	spans *tracetest.SpanRecorder
	log   *log
}

// serve runs svc on a free port until the test ends.
func serve(t *testing.T, svc *service, opts ...rpc.Option) *bench {
	t.Helper()
	b := &bench{log: new(log), spans: tracetest.NewSpanRecorder()}
	var err error
	if b.tel, err = obs.Setup(t.Context(), obs.Config{Service: "test"}, b.log); err != nil {
		t.Fatal(err)
	}
	b.tel.Provider.(*sdktrace.TracerProvider).RegisterSpanProcessor(b.spans)
	server := rpc.NewServer(b.tel, opts...)
	configv1.RegisterConfigServiceServer(server.Registrar(), svc)
	server.Registrar().RegisterService(&anyService, svc)
	slav1.RegisterSlaServiceServer(server.Registrar(), svc)
	deliveryv1.RegisterPartServiceServer(server.Registrar(), svc)
	addr, err := server.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, "") }()
	if b.conn, err = rpc.Dial(addr, b.tel); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		b.conn.Close()
		stop()
		if err := <-served; err != nil {
			t.Errorf("Serve() = %v, want nil after an orderly stop", err)
		}
	})
	return b
}

func (b *bench) get(ctx context.Context) error {
	_, err := slav1.NewSlaServiceClient(b.conn).GetVerdict(ctx, &slav1.GetVerdictRequest{ExportId: "e", ExportDate: "2026-11-23"})
	return err
}

func TestFaultsCrossTheWire(t *testing.T) {
	t.Parallel()
	secret := errors.New("pq: password is hunter2")
	tests := []struct {
		name   string
		give   error
		kind   fault.Kind
		reason fault.Reason
		code   codes.Code
		says   string
	}{
		{"invalid", fault.New(fault.Invalid, fault.ReasonUnknownTable, "no table X"), fault.Invalid, fault.ReasonUnknownTable, codes.InvalidArgument, "no table X"},
		{"not found", fault.New(fault.NotFound, fault.ReasonNotFound, "no run"), fault.NotFound, fault.ReasonNotFound, codes.NotFound, "no run"},
		{"exists", fault.New(fault.Exists, fault.ReasonAlreadyExists, "is there"), fault.Exists, fault.ReasonAlreadyExists, codes.AlreadyExists, "is there"},
		{"state", fault.New(fault.State, fault.ReasonScopeViolation, "row"), fault.State, fault.ReasonScopeViolation, codes.FailedPrecondition, "row"},
		{"unavailable", fault.New(fault.Unavailable, fault.ReasonBucketUnavailable, "away"), fault.Unavailable, fault.ReasonBucketUnavailable, codes.Unavailable, "away"},
		{"data loss", fault.New(fault.DataLoss, fault.ReasonTrailerMissing, "cut"), fault.DataLoss, fault.ReasonTrailerMissing, codes.DataLoss, "cut"},
		{"denied", fault.New(fault.Denied, fault.ReasonDenied, "no"), fault.Denied, fault.ReasonDenied, codes.PermissionDenied, "no"},
		{"exhausted", fault.New(fault.Exhausted, fault.ReasonExhausted, "full"), fault.Exhausted, fault.ReasonExhausted, codes.ResourceExhausted, "full"},
		{"wrapped", fmt.Errorf("doing: %w", fault.Wrap(secret, fault.State, fault.ReasonNotDue, "not due")), fault.State, fault.ReasonNotDue, codes.FailedPrecondition, "not due"},
		{"unknown", secret, fault.Internal, fault.ReasonInternal, codes.Internal, "internal error"},
		{"deadline", fmt.Errorf("reading: %w", context.DeadlineExceeded), fault.Unavailable, fault.ReasonDeadline, codes.DeadlineExceeded, "deadline"},
		{"a raw status", status.Error(codes.NotFound, "hunter2"), fault.Internal, fault.ReasonInternal, codes.Internal, "internal error"},
		{"an unknown method", status.Error(codes.Unimplemented, "method unknown"), fault.Internal, fault.ReasonInternal, codes.Unimplemented, "method unknown"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := serve(t, &service{verdict: func(context.Context) error { return test.give }})
			err := b.get(t.Context())
			f, ok := fault.Of(err)
			if !ok {
				t.Fatalf("error %v is no fault", err)
			}
			if f.Kind != test.kind || f.Reason != test.reason || status.Code(err) != test.code {
				t.Errorf("got %s %s (%s), want %s %s (%s)", f.Kind, f.Reason, status.Code(err), test.kind, test.reason, test.code)
			}
			if !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("error %q, want one that says %q and no cause", err, test.says)
			}
		})
	}
}

func TestAPeersAnswerIsNotPassedOn(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		give fault.Kind
		want fault.Kind
	}{{fault.NotFound, fault.Internal}, {fault.Unavailable, fault.Unavailable}} {
		behind := serve(t, &service{verdict: func(context.Context) error { return fault.New(test.give, fault.ReasonNotFound, "inner words") }})
		front := serve(t, &service{verdict: func(ctx context.Context) error { return fmt.Errorf("asking: %w", behind.get(ctx)) }})
		err := front.get(t.Context())
		if got := fault.KindOf(err); got != test.want {
			t.Errorf("kind of a peer's %s = %s, want %s", test.give, got, test.want)
		}
		if got := fault.ReasonOf(err); got != fault.ReasonNotFound {
			t.Errorf("reason = %s, want the peer's", got)
		}
		if strings.Contains(err.Error(), "inner words") {
			t.Errorf("error %q passes the peer's words on", err)
		}
	}
}

func TestRequestsAreValidated(t *testing.T) {
	t.Parallel()
	b := serve(t, &service{})
	_, err := slav1.NewSlaServiceClient(b.conn).GetVerdict(t.Context(), &slav1.GetVerdictRequest{ExportDate: "yesterday"})
	f, ok := fault.Of(err)
	if !ok || f.Kind != fault.Invalid || f.Reason != fault.ReasonValidation {
		t.Fatalf("error = %v, want an invalid request", err)
	}
	fields := map[string]bool{}
	for _, v := range f.Violations {
		fields[v.Field] = v.Description != ""
	}
	if diff := cmp.Diff(map[string]bool{"export_id": true, "export_date": true}, fields); diff != "" {
		t.Errorf("violations differ (-want +got):\n%s", diff)
	}
}

func header() *deliveryv1.UploadPartRequest {
	return &deliveryv1.UploadPartRequest{Message: &deliveryv1.UploadPartRequest_Header{Header: &deliveryv1.PartHeader{
		Run: &taskv1.RunRef{RunId: "r"}, Table: "DIM_DATES", Attempt: 1, Schema: []byte("s"),
	}}}
}

func batch(n int) *deliveryv1.UploadPartRequest {
	return &deliveryv1.UploadPartRequest{Message: &deliveryv1.UploadPartRequest_Batch{Batch: make([]byte, n)}}
}

// drain receives until the client ends or a message is refused.
func drain(s grpc.ClientStreamingServer[deliveryv1.UploadPartRequest, deliveryv1.UploadPartResponse]) error {
	for {
		if _, err := s.Recv(); errors.Is(err, io.EOF) {
			return s.SendAndClose(&deliveryv1.UploadPartResponse{})
		} else if err != nil {
			return fmt.Errorf("receiving: %w", err)
		}
	}
}

func TestStreamsAreValidatedAndTranslated(t *testing.T) {
	t.Parallel()
	refuse := func(grpc.ClientStreamingServer[deliveryv1.UploadPartRequest, deliveryv1.UploadPartResponse]) error {
		return fault.New(fault.State, fault.ReasonScopeViolation, "a row is outside")
	}
	for _, test := range []struct {
		name   string
		upload func(grpc.ClientStreamingServer[deliveryv1.UploadPartRequest, deliveryv1.UploadPartResponse]) error
		send   []*deliveryv1.UploadPartRequest
		want   fault.Reason
		kind   fault.Kind
	}{
		{"accepted", drain, []*deliveryv1.UploadPartRequest{header(), batch(5 << 20)}, "", ""},
		{"invalid later message", drain, []*deliveryv1.UploadPartRequest{header(), {}}, fault.ReasonValidation, fault.Invalid},
		{"refused at once", refuse, []*deliveryv1.UploadPartRequest{header()}, fault.ReasonScopeViolation, fault.State},
		{"too large", drain, []*deliveryv1.UploadPartRequest{batch(9 << 20)}, fault.ReasonExhausted, fault.Exhausted},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := serve(t, &service{upload: test.upload})
			stream, err := deliveryv1.NewPartServiceClient(b.conn).UploadPart(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range test.send {
				if err = stream.Send(m); err != nil {
					break
				}
			}
			if err == nil || errors.Is(err, io.EOF) {
				_, err = stream.CloseAndRecv()
			}
			if got := fault.KindOf(err); got != test.kind {
				t.Errorf("kind = %q, want %q (%v)", got, test.kind, err)
			}
			if got := fault.ReasonOf(err); got != test.want {
				t.Errorf("reason = %q, want %q (%v)", got, test.want, err)
			}
		})
	}
}

func TestPanicsEndOneCallOnly(t *testing.T) {
	t.Parallel()
	svc := &service{
		verdict: func(context.Context) error { panic("secret value") },
		upload: func(grpc.ClientStreamingServer[deliveryv1.UploadPartRequest, deliveryv1.UploadPartResponse]) error {
			panic("secret value")
		},
	}
	b := serve(t, svc)
	for range 2 {
		if err := b.get(t.Context()); fault.ReasonOf(err) != fault.ReasonPanic || strings.Contains(err.Error(), "secret") {
			t.Errorf("error = %v, want reason PANIC without its value", err)
		}
	}
	stream, err := deliveryv1.NewPartServiceClient(b.conn).UploadPart(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.CloseAndRecv(); fault.ReasonOf(err) != fault.ReasonPanic {
		t.Errorf("error = %v, want reason PANIC", err)
	}
	if !strings.Contains(b.log.String(), "handler panicked") {
		t.Error("the panic was not logged")
	}
}

func TestOurOwnCancellationIsRecognised(t *testing.T) {
	t.Parallel()
	entered := make(chan struct{})
	b := serve(t, &service{verdict: func(ctx context.Context) error {
		close(entered)
		<-ctx.Done()
		return ctx.Err()
	}})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-entered
		cancel()
	}()
	if err := b.get(ctx); !errors.Is(err, context.Canceled) || fault.ReasonOf(err) != fault.ReasonCanceled {
		t.Errorf("error = %v, want our own cancellation", err)
	}
}

// TestACallerThatLeavesIsNoWarning tells a caller's end from our own trouble.
func TestACallerThatLeavesIsNoWarning(t *testing.T) {
	t.Parallel()
	begun, ended := make(chan struct{}), make(chan struct{})
	b := serve(t, &service{verdict: func(ctx context.Context) error {
		close(begun)
		<-ctx.Done()
		defer close(ended)
		return fault.Wrap(ctx.Err(), fault.Unavailable, fault.ReasonUnavailable, "reading")
	}})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-begun; cancel() }()
	if err := b.get(ctx); err == nil {
		t.Error("a cancelled call succeeded")
	}
	<-ended
	for !strings.Contains(b.log.String(), "call refused") { // logged after the handler
		runtime.Gosched()
	}
	if text := b.log.String(); strings.Contains(text, "WARN") {
		t.Errorf("logged %s, want no warning", text)
	}
}

func TestOneTraceCrossesACall(t *testing.T) {
	t.Parallel()
	var handled, traceparent string
	b := serve(t, &service{verdict: func(ctx context.Context) error {
		handled = obs.Traceparent(ctx)
		return nil
	}})
	ctx, span := b.tel.Start(t.Context(), obs.SpanVerdict, attribute.String(obs.KeyRunID, "r"))
	if err := b.get(ctx); err != nil {
		t.Fatal(err)
	}
	traceparent = obs.Traceparent(ctx)
	obs.End(span, nil)
	if handled == "" || handled[:35] != traceparent[:35] {
		t.Errorf("handler's trace %q, want that of %q", handled, traceparent)
	}
	for _, s := range b.spans.Started() {
		if strings.HasSuffix(s.Name(), "GetVerdict") && s.SpanKind().String() == "client" {
			for _, a := range s.Attributes() {
				if string(a.Key) == obs.KeyRunID {
					return
				}
			}
		}
	}
	t.Error("no client span says which run the call was for")
}

func TestHealthAndReflection(t *testing.T) {
	t.Parallel()
	b := serve(t, &service{})
	answer, err := grpc_health_v1.NewHealthClient(b.conn).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
	if err != nil || answer.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		t.Errorf("health = %v, %v, want SERVING", answer, err)
	}
	stream, err := grpc_reflection_v1.NewServerReflectionClient(b.conn).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&grpc_reflection_v1.ServerReflectionRequest{MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_ListServices{}}); err != nil {
		t.Fatal(err)
	}
	list, err := stream.Recv()
	if err != nil || len(list.GetListServicesResponse().GetService()) < 3 {
		t.Errorf("reflection lists %v, %v, want our services", list, err)
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("Recv() = %v, want the end", err)
	}
	if n := len(b.spans.Started()); n != 0 {
		t.Errorf("health and reflection made %d spans, want none", n)
	}
}
