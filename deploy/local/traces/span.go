package traces

import (
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	commonv1 "go.opentelemetry.io/proto/otlp/common/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
)

const (
	// StatusError is the status of a span that ended with an error.
	StatusError = "error"
	// maxValue bounds a kept attribute value, in bytes.
	maxValue = 4 << 10
)

// Span is one finished span. Ids are lower-case hex, times UTC.
type Span struct {
	TraceID       string            `json:"trace_id"`
	SpanID        string            `json:"span_id"`
	ParentID      string            `json:"parent_id,omitempty"`
	Name          string            `json:"name"`
	Service       string            `json:"service"`
	Kind          string            `json:"kind"`   // internal, server, client, producer, consumer, unspecified
	Status        string            `json:"status"` // unset, ok, error
	StatusMessage string            `json:"status_message,omitempty"`
	Start         time.Time         `json:"start"`
	End           time.Time         `json:"end"`
	Attributes    map[string]string `json:"attributes,omitempty"`
	Events        []Event           `json:"events,omitempty"`
	Links         []Link            `json:"links,omitempty"`
}

// Event is something that happened during a span.
type Event struct {
	Time       time.Time         `json:"time"`
	Name       string            `json:"name"`
	Attributes map[string]string `json:"attributes,omitempty"`
}

// Link points to a related span, mostly of another trace.
type Link struct {
	TraceID    string            `json:"trace_id"`
	SpanID     string            `json:"span_id"`
	Attributes map[string]string `json:"attributes,omitempty"`
}

// Failed says whether the span ended with an error.
func (s Span) Failed() bool { return s.Status == StatusError }

func spanOf(service string, s *tracev1.Span) Span {
	span := Span{
		TraceID: hex.EncodeToString(s.GetTraceId()), SpanID: hex.EncodeToString(s.GetSpanId()),
		ParentID: hex.EncodeToString(s.GetParentSpanId()), Name: s.GetName(), Service: service,
		Kind: word(s.GetKind().String(), "SPAN_KIND_"), Status: word(s.GetStatus().GetCode().String(), "STATUS_CODE_"),
		StatusMessage: cut(s.GetStatus().GetMessage()), Attributes: attributes(s.GetAttributes()),
		Start: instant(s.GetStartTimeUnixNano()), End: instant(s.GetEndTimeUnixNano()),
	}
	for _, e := range s.GetEvents() {
		span.Events = append(span.Events, Event{Time: instant(e.GetTimeUnixNano()), Name: e.GetName(), Attributes: attributes(e.GetAttributes())})
	}
	for _, l := range s.GetLinks() {
		span.Links = append(span.Links, Link{
			TraceID: hex.EncodeToString(l.GetTraceId()), SpanID: hex.EncodeToString(l.GetSpanId()), Attributes: attributes(l.GetAttributes()),
		})
	}
	return span
}

func word(constant, prefix string) string {
	return strings.ToLower(strings.TrimPrefix(constant, prefix))
}

func instant(nanos uint64) time.Time { return time.Unix(0, int64(nanos)).UTC() }

func attributes(list []*commonv1.KeyValue) map[string]string {
	if len(list) == 0 {
		return nil
	}
	values := make(map[string]string, len(list))
	for _, kv := range list {
		values[kv.GetKey()] = cut(text(kv.GetValue()))
	}
	return values
}

func text(v *commonv1.AnyValue) string {
	if s, ok := plain(v).(string); ok {
		return s
	}
	encoded, err := json.Marshal(plain(v))
	if err != nil {
		return err.Error() // a number JSON has no form for: NaN, infinity
	}
	return string(encoded)
}

// plain is the value as encoding/json wants it.
func plain(v *commonv1.AnyValue) any {
	switch v := v.GetValue().(type) {
	case *commonv1.AnyValue_StringValue:
		return v.StringValue
	case *commonv1.AnyValue_BoolValue:
		return v.BoolValue
	case *commonv1.AnyValue_IntValue:
		return v.IntValue
	case *commonv1.AnyValue_DoubleValue:
		return strconv.FormatFloat(v.DoubleValue, 'g', -1, 64)
	case *commonv1.AnyValue_BytesValue:
		return hex.EncodeToString(v.BytesValue)
	case *commonv1.AnyValue_ArrayValue:
		list := []any{}
		for _, item := range v.ArrayValue.GetValues() {
			list = append(list, plain(item))
		}
		return list
	case *commonv1.AnyValue_KvlistValue:
		return attributes(v.KvlistValue.GetValues())
	}
	return ""
}

func cut(s string) string {
	if len(s) <= maxValue {
		return s
	}
	return strings.ToValidUTF8(s[:maxValue], "") + "…"
}
