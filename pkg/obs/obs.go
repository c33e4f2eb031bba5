// Package obs owns telemetry: the logger, the tracer, and the names that both use. It refuses OpenTelemetry's globals,
// because several services share one process in the local stack and in tests, and it keeps every trace: a run is rare
// and worth its spans. Start with Setup, then Telemetry.Start and End.
package obs

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

const scopeName = "github.com/customer-exports/exports/pkg/obs"

// Config is the telemetry section of a service's settings.
type Config struct {
	// Service is the service's name; the service sets it, not the operator.
	Service string `yaml:"-"`
	// OTLPEndpoint is host:port of an OTLP gRPC receiver without TLS. Empty: spans are made but do not leave.
	OTLPEndpoint string `yaml:"otlp_endpoint"`
	// LogLevel is debug, info, warn or error; empty is info.
	LogLevel string `yaml:"log_level"`
	// LogFormat is json or text; empty is json.
	LogFormat string `yaml:"log_format"`
}

// Telemetry is what one service logs and traces with.
type Telemetry struct {
	Logger     *slog.Logger
	Tracer     trace.Tracer
	Provider   trace.TracerProvider
	Propagator propagation.TextMapPropagator

	shutdown func(context.Context) error
}

// Setup builds the telemetry of one service, which logs to logw. The receiver need not be up: spans that it misses are
// dropped with a warning. The caller shuts it down last.
func Setup(ctx context.Context, cfg Config, logw io.Writer) (*Telemetry, error) {
	logger, err := newLogger(cfg, logw)
	if err != nil {
		return nil, err
	}
	options := []sdktrace.TracerProviderOption{
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.AlwaysSample())),
		sdktrace.WithResource(describe(cfg.Service)),
		sdktrace.WithSpanProcessor(inheritor{}),
	}
	if cfg.OTLPEndpoint != "" {
		exporter, err := newExporter(ctx, cfg.OTLPEndpoint, logger)
		if err != nil {
			return nil, err
		}
		options = append(options, sdktrace.WithSpanProcessor(batching(exporter)))
	}
	return newTelemetry(logger, sdktrace.NewTracerProvider(options...)), nil
}

func newTelemetry(logger *slog.Logger, provider *sdktrace.TracerProvider) *Telemetry {
	return &Telemetry{
		Logger:     logger,
		Tracer:     provider.Tracer(scopeName),
		Provider:   provider,
		Propagator: propagation.TraceContext{},
		shutdown:   provider.Shutdown,
	}
}

// describe says which process of which service a span is from; extractors come in numbers.
func describe(service string) *resource.Resource {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return resource.NewSchemaless(
		attribute.String(KeyService, service),
		attribute.String("service.instance.id", fmt.Sprintf("%s-%d", host, os.Getpid())),
	)
}

// Shutdown sends the spans that have ended and stops; ctx bounds the wait.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	if err := t.shutdown(ctx); err != nil {
		return fmt.Errorf("sending the last spans: %w", err)
	}
	return nil
}
