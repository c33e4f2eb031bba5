package watch

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/customer-exports/exports/pkg/obs"
	"github.com/customer-exports/exports/services/slamonitor/internal/sla"
)

// trace adds the audit, the verdict and, once verified, a summary from due time
// to verification to the run's own trace, which the manifest names.
func (w *Watcher) trace(ctx context.Context, v sla.Verdict, began time.Time) {
	if v.Traceparent == "" {
		return // nothing in the bucket names a trace yet
	}
	ctx = obs.ContextWithTraceparent(ctx, v.Traceparent)
	attrs := []attribute.KeyValue{
		attribute.String(obs.KeyCustomerID, v.CustomerID), attribute.String(obs.KeyExportID, v.ExportID),
		attribute.String(obs.KeyExportDate, v.ExportDate), attribute.String(obs.KeyRunID, v.RunID),
		attribute.String(obs.KeyCondition, string(v.State)), attribute.String(obs.KeyPunctuality, string(v.Punctuality)),
	}
	w.span(ctx, obs.SpanVerify, began, w.Now(), attrs)
	w.span(ctx, obs.SpanVerdict, v.JudgeTime, w.Now(), attrs)
	if v.State == sla.Verified {
		w.span(ctx, obs.SpanSummary, v.Due, v.VerifyTime, attrs)
	}
}

func (w *Watcher) span(ctx context.Context, name string, start, end time.Time, attrs []attribute.KeyValue) {
	_, span := w.Tel.Tracer.Start(ctx, name, trace.WithTimestamp(start), trace.WithAttributes(attrs...))
	span.End(trace.WithTimestamp(end))
}
