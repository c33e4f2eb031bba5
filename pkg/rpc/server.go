// Package rpc owns the gRPC edge of every service: tracing, request validation, panics, and the one translation between
// faults and statuses. It refuses to let an error text cross the wire that is not a fault's own message. Start with
// NewServer and Dial.
package rpc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/metric/noop"
	"google.golang.org/grpc"
	"google.golang.org/grpc/experimental"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/stats"

	"github.com/customer-exports/exports/pkg/obs"
)

const (
	// maxMessage bounds a message in bytes; record batches are cut to about 1 MiB.
	maxMessage = 8 << 20
	// grace is how long calls under way may take to finish once the server stops.
	grace = 10 * time.Second
	// keepaliveTime is the quiet time after which a client asks whether its peer still lives; load balancers forget
	// quiet connections after minutes.
	keepaliveTime = 30 * time.Second
)

// ServerConfig is the listener's setting, for a service that keeps it in a struct of its own.
type ServerConfig struct {
	// Listen is host:port; port 0 takes a free one.
	Listen string `yaml:"listen"`
}

// Server is one service's gRPC server with health and reflection. It is used once: Listen, then Serve.
type Server struct {
	grpc     *grpc.Server
	at       edge
	health   *health.Server
	tel      *obs.Telemetry
	listener net.Listener
}

// NewServer returns a server; register services by Registrar before Serve.
func NewServer(tel *obs.Telemetry, opts ...Option) *Server {
	s := &Server{at: edge{logger: tel.Logger}, health: health.NewServer(), tel: tel}
	for _, opt := range opts {
		opt(&s.at)
	}
	s.grpc = grpc.NewServer(
		grpc.StatsHandler(otelgrpc.NewServerHandler(traced(tel)...)),
		grpc.ChainUnaryInterceptor(s.at.unary),
		grpc.ChainStreamInterceptor(s.at.stream),
		grpc.ForceServerCodecV2(newCodec()),
		experimental.BufferPool(frames),
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxSendMsgSize(maxMessage),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: keepaliveTime / 2, PermitWithoutStream: true}),
	)
	healthv1.RegisterHealthServer(s.grpc, s.health)
	reflection.RegisterV1(s.grpc)
	return s
}

// traced configures otelgrpc without OpenTelemetry's globals. Health checks and reflection make no spans.
func traced(tel *obs.Telemetry) []otelgrpc.Option {
	return []otelgrpc.Option{
		otelgrpc.WithTracerProvider(tel.Provider),
		otelgrpc.WithPropagators(tel.Propagator),
		otelgrpc.WithMeterProvider(noop.NewMeterProvider()),
		otelgrpc.WithFilter(func(info *stats.RPCTagInfo) bool { return !isOwn(info.FullMethodName) }),
	}
}

// Registrar takes the services to serve.
func (s *Server) Registrar() grpc.ServiceRegistrar { return registrar{s.grpc, s.at} }

// Listen binds the address and returns it, with the port that port 0 became. Callers may connect at once; they are
// answered from Serve on.
func (s *Server) Listen(listen string) (addr string, err error) {
	s.listener, err = net.Listen("tcp", listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		return "", fmt.Errorf("listening on %s: the port is in use by another process; stop it or change the setting listen", listen)
	}
	if err != nil {
		return "", fmt.Errorf("listening on %s (setting listen): %w", listen, err)
	}
	return s.listener.Addr().String(), nil
}

// Serve answers calls until ctx ends, then lets calls under way finish for 10 s at most. With listen "" it serves what
// Listen bound. It returns nil after an orderly stop.
func (s *Server) Serve(ctx context.Context, listen string) error {
	if s.listener == nil || listen != "" {
		if _, err := s.Listen(listen); err != nil {
			return err
		}
	}
	served := make(chan error, 1)
	go func() { served <- s.grpc.Serve(s.listener) }()
	s.tel.Logger.InfoContext(ctx, "serving", obs.KeyAddress, s.listener.Addr().String())
	select {
	case err := <-served:
		return fmt.Errorf("serving on %s: %w", s.listener.Addr(), err)
	case <-ctx.Done():
	}
	s.drain()
	if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return fmt.Errorf("serving on %s: %w", s.listener.Addr(), err)
	}
	return nil
}

// Close releases the listener of a server that never served.
func (s *Server) Close() {
	s.grpc.Stop()
	if s.listener != nil {
		_ = s.listener.Close() // closed already when it was served
	}
}

func (s *Server) drain() {
	s.health.Shutdown()
	late := time.AfterFunc(grace, s.grpc.Stop)
	defer late.Stop()
	s.grpc.GracefulStop()
}
