package part_test

import (
	"log/slog"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/customer-exports/exports/pkg/obs"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
	"github.com/customer-exports/exports/services/delivery/internal/bucket/membucket"
	"github.com/customer-exports/exports/services/delivery/internal/part"
	"github.com/customer-exports/exports/services/delivery/internal/parttest"
)

func TestSpansTellEncodeAndUploadApart(t *testing.T) {
	for _, foreign := range []int{-1, 99} {
		recorder := tracetest.NewSpanRecorder()
		provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
		tel := &obs.Telemetry{Logger: slog.New(slog.DiscardHandler), Tracer: provider.Tracer("test"), Provider: provider, Propagator: propagation.TraceContext{}}
		uploader := &part.Uploader{
			Runs: parttest.Runs{}, Revisions: revisions{parttest.Revision(t, bucket.Destination{Owner: parttest.Owner})},
			Buckets: membucket.New(parttest.Owner), Tel: tel,
		}
		ctx, call := tel.Start(t.Context(), "call")
		stream := parttest.Rows{Table: messages, Count: 100, Foreign: foreign}.Stream(t)
		_, err := uploader.Upload(ctx, stream.Header(parttest.Run(date), messages, 0), stream)
		if (err == nil) != (foreign < 0) {
			t.Fatalf("Upload: %v", err)
		}
		call.End()
		checkSpans(t, recorder.Ended(), err)
	}
}

func checkSpans(t *testing.T, spans []sdktrace.ReadOnlySpan, outcome error) {
	t.Helper()
	if len(spans) != 3 || spans[0].Name() != obs.SpanEncode || spans[1].Name() != obs.SpanUpload {
		t.Fatalf("spans: got %v", spans)
	}
	for _, s := range spans[:2] {
		if s.Parent().SpanID() != spans[2].SpanContext().SpanID() {
			t.Errorf("%s is not a child of the call", s.Name())
		}
		if failed := s.Status().Code == codes.Error; failed != (outcome != nil) {
			t.Errorf("%s: failed %t, outcome %v", s.Name(), failed, outcome)
		}
		attributes := attribute.NewSet(s.Attributes()...)
		if rows, ok := attributes.Value(obs.KeyRows); outcome == nil && (!ok || rows.AsInt64() != 100) {
			t.Errorf("%s: rows are %v", s.Name(), rows.AsInt64())
		}
	}
}
