package traces

import (
	"context"
	"fmt"

	collectorv1 "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	resourcev1 "go.opentelemetry.io/proto/otlp/resource/v1"
)

// maxMessage bounds one export request, in bytes.
const maxMessage = 16 << 20

// receiver is the OTLP collector service.
type receiver struct {
	collectorv1.UnimplementedTraceServiceServer
	store *Store
}

// Export keeps the spans. Invalid ones are counted as rejected, as OTLP asks.
func (r *receiver) Export(ctx context.Context, req *collectorv1.ExportTraceServiceRequest) (*collectorv1.ExportTraceServiceResponse, error) {
	var spans []Span
	var rejected int64
	for _, resource := range req.GetResourceSpans() {
		service := serviceName(resource.GetResource())
		for _, scope := range resource.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				if len(s.GetTraceId()) != 16 || len(s.GetSpanId()) != 8 {
					rejected++
					continue
				}
				spans = append(spans, spanOf(service, s))
			}
		}
	}
	r.store.keep(ctx, spans)
	return answer(rejected), nil
}

func serviceName(resource *resourcev1.Resource) string {
	for _, kv := range resource.GetAttributes() {
		if kv.GetKey() == "service.name" {
			return text(kv.GetValue())
		}
	}
	return "unknown"
}

func answer(rejected int64) *collectorv1.ExportTraceServiceResponse {
	if rejected == 0 {
		return &collectorv1.ExportTraceServiceResponse{}
	}
	return &collectorv1.ExportTraceServiceResponse{PartialSuccess: &collectorv1.ExportTracePartialSuccess{
		RejectedSpans: rejected, ErrorMessage: fmt.Sprintf("%d spans without a valid trace or span id", rejected),
	}}
}

// keep remembers spans. What the file cannot take is still shown: losing the
// copy on disk is no reason for an exporter to retry.
func (s *Store) keep(ctx context.Context, spans []Span) {
	added := spans[:0]
	for _, span := range spans {
		if s.memory.add(span) {
			added = append(added, span)
		}
	}
	if s.journal == nil {
		return
	}
	if err := s.journal.append(added); err != nil {
		s.logger.WarnContext(ctx, "spans are kept in memory only", "error", err)
	}
}
