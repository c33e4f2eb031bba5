// Package obs owns telemetry: the logger, the tracer, and the names that both use. It refuses OpenTelemetry's globals,
// because several services share one process in the local stack and in tests, and it keeps every trace: a run is rare
// and worth its spans. Start with Setup, then Telemetry.Start and End.
package obs

import (
	"context"
	"errors"
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
	// CPUProfile is the file that a CPU profile of the process's whole life is written to when it ends in order, for go tool
	// pprof; empty is none.
	CPUProfile string `yaml:"cpu_profile"`
}

// Telemetry is what one service logs and traces with.
type Telemetry struct {
	Logger     *slog.Logger
	Tracer     trace.Tracer
	Provider   trace.TracerProvider
	Propagator propagation.TextMapPropagator

	shutdown []func(context.Context) error // in order
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
	stop, err := profile(cfg.CPUProfile)
	if err != nil {
		return nil, err
	}
	return newTelemetry(logger, sdktrace.NewTracerProvider(options...), stop), nil
}

func newTelemetry(logger *slog.Logger, provider *sdktrace.TracerProvider, stop func(context.Context) error) *Telemetry {
	return &Telemetry{
		Logger:     logger,
		Tracer:     provider.Tracer(scopeName),
		Provider:   provider,
		Propagator: propagation.TraceContext{},
		shutdown:   []func(context.Context) error{provider.Shutdown, stop},
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
	var all []error
	for _, stop := range t.shutdown {
		all = append(all, stop(ctx))
	}
	if err := errors.Join(all...); err != nil {
		return fmt.Errorf("ending the telemetry: %w", err)
	}
	return nil
}
