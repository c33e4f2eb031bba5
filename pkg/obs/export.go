package obs

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

const (
	// batchDelay is short because a trace is read while its run is under way.
	batchDelay = time.Second
	// queueSpans holds the spans of a large run through a slow moment of the receiver.
	queueSpans = 1 << 14
)

func newExporter(ctx context.Context, endpoint string, logger *slog.Logger) (sdktrace.SpanExporter, error) {
	exporter, err := otlptracegrpc.New(ctx, otlptracegrpc.WithEndpoint(endpoint), otlptracegrpc.WithInsecure())
	if err != nil {
		return nil, fmt.Errorf("preparing trace export to %s (setting otlp_endpoint): %w", endpoint, err)
	}
	return &loggingExporter{SpanExporter: exporter, logger: logger, endpoint: endpoint}, nil
}

func batching(exporter sdktrace.SpanExporter) sdktrace.SpanProcessor {
	return sdktrace.NewBatchSpanProcessor(exporter,
		sdktrace.WithBatchTimeout(batchDelay), sdktrace.WithMaxQueueSize(queueSpans))
}

// loggingExporter logs what it cannot send; the SDK would hand the error to a global handler.
type loggingExporter struct {
	sdktrace.SpanExporter
	logger   *slog.Logger
	endpoint string
}

// ExportSpans sends spans, or drops them with a warning.
func (e *loggingExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if err := e.SpanExporter.ExportSpans(ctx, spans); err != nil {
		e.logger.WarnContext(ctx, "spans dropped: the trace receiver did not take them",
			KeyAddress, e.endpoint, KeySpans, len(spans), KeyError, err)
	}
	return nil
}
