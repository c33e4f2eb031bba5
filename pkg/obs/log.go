package obs

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"go.opentelemetry.io/otel/trace"
)

func newLogger(cfg Config, w io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if cfg.LogLevel != "" {
		if err := level.UnmarshalText([]byte(cfg.LogLevel)); err != nil {
			return nil, fmt.Errorf("log_level is %q: use debug, info, warn or error", cfg.LogLevel)
		}
	}
	options := &slog.HandlerOptions{Level: level}
	var base slog.Handler
	switch cfg.LogFormat {
	case "", "json":
		base = slog.NewJSONHandler(w, options)
	case "text":
		base = slog.NewTextHandler(w, options)
	default:
		return nil, fmt.Errorf("log_format is %q: use json or text", cfg.LogFormat)
	}
	return slog.New(spanHandler{base}).With(KeyService, cfg.Service), nil
}

// spanHandler adds the ids of the context's span, so that a log line leads to its trace.
type spanHandler struct{ slog.Handler }

// Handle adds the ids and passes the record on.
func (h spanHandler) Handle(ctx context.Context, r slog.Record) error {
	if sc := trace.SpanContextFromContext(ctx); sc.IsValid() {
		r = r.Clone()
		r.AddAttrs(slog.String(KeyTraceID, sc.TraceID().String()), slog.String(KeySpanID, sc.SpanID().String()))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs keeps the ids on derived loggers.
func (h spanHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return spanHandler{h.Handler.WithAttrs(attrs)}
}

// WithGroup keeps the ids on derived loggers, within the group.
func (h spanHandler) WithGroup(name string) slog.Handler {
	return spanHandler{h.Handler.WithGroup(name)}
}
