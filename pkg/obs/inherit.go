package obs

import (
	"context"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// inheritedKey is the context key of the attributes that pass on to spans below.
type inheritedKey struct{}

func inherited(ctx context.Context) []attribute.KeyValue {
	attrs, _ := ctx.Value(inheritedKey{}).([]attribute.KeyValue)
	return attrs
}

// passesOn reports whether an attribute says what the work is about, rather than how it went.
func passesOn(key attribute.Key) bool {
	switch string(key) {
	case KeyCustomerID, KeyExportID, KeyExportDate, KeyRunID, KeyTable, KeyPart, KeyAttempt:
		return true
	}
	return false
}

func withInherited(ctx context.Context, attrs []attribute.KeyValue) context.Context {
	var own []attribute.KeyValue
	for _, a := range attrs {
		if passesOn(a.Key) {
			own = append(own, a)
		}
	}
	if len(own) == 0 {
		return ctx
	}
	return context.WithValue(ctx, inheritedKey{}, append(own, missing(inherited(ctx), own)...))
}

// missing returns those of attrs whose key none of have has.
func missing(attrs, have []attribute.KeyValue) []attribute.KeyValue {
	return slices.DeleteFunc(slices.Clone(attrs), func(a attribute.KeyValue) bool {
		return slices.ContainsFunc(have, func(h attribute.KeyValue) bool { return h.Key == a.Key })
	})
}

// inheritor gives each span what the spans above it are about.
type inheritor struct{}

// OnStart sets the inherited attributes that the span does not set itself.
func (inheritor) OnStart(parent context.Context, s sdktrace.ReadWriteSpan) {
	s.SetAttributes(missing(inherited(parent), s.Attributes())...)
}

// OnEnd does nothing.
func (inheritor) OnEnd(sdktrace.ReadOnlySpan) {}

// Shutdown does nothing.
func (inheritor) Shutdown(context.Context) error { return nil }

// ForceFlush does nothing.
func (inheritor) ForceFlush(context.Context) error { return nil }
