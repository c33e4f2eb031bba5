package obs

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/customer-exports/exports/pkg/fault"
)

// Start begins a span, which the caller ends by End. Attributes that say which run, table, part and attempt it is about
// pass on to every span begun below it in this process, including those of gRPC calls.
func (t *Telemetry) Start(ctx context.Context, name string, attrs ...attribute.KeyValue) (context.Context, trace.Span) {
	ctx = withInherited(ctx, attrs)
	return t.Tracer.Start(ctx, name, trace.WithAttributes(attrs...))
}

// End ends a span with the outcome err, which may be nil.
func End(span trace.Span, err error) {
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
		span.SetAttributes(attribute.String(KeyReason, string(fault.ReasonOf(err))))
	}
	span.End()
}

// Run is what names a run; task messages and run records have it. Four methods, because that is what a run's name has.
type Run interface {
	GetRunId() string
	GetCustomerId() string
	GetExportId() string
	GetExportDate() string
}

// RunAttrs returns the attributes that every span of a run carries.
func RunAttrs(r Run) []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String(KeyCustomerID, r.GetCustomerId()),
		attribute.String(KeyExportID, r.GetExportId()),
		attribute.String(KeyExportDate, r.GetExportDate()),
		attribute.String(KeyRunID, r.GetRunId()),
	}
}

// WithAttrs adds attributes to the span in progress, and to the spans begun below it as Start does. A gRPC handler calls
// it once it knows which run the request is about.
func WithAttrs(ctx context.Context, attrs ...attribute.KeyValue) context.Context {
	trace.SpanFromContext(ctx).SetAttributes(attrs...)
	return withInherited(ctx, attrs)
}

// Traceparent returns the span of ctx in W3C form, or "" when there is none.
func Traceparent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier["traceparent"]
}

// ContextWithTraceparent makes tp the parent of spans begun from the returned context. A malformed or empty tp changes
// nothing.
func ContextWithTraceparent(ctx context.Context, tp string) context.Context {
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": tp})
}
