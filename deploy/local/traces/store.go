// Package traces receives the spans of the local stack over OTLP and shows them
// as a page: what a tracing backend is in production. It keeps a bounded number
// of traces and prefers those of runs. It refuses to be more than that: there is
// no login and no TLS, so it must listen on loopback. Start reading at Start.
package traces

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	collectorv1 "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
)

// closeWithin bounds how long Close waits for requests under way.
const closeWithin = 5 * time.Second

// Config says where to listen and how much to keep. Zero limits mean defaults.
type Config struct {
	OTLPListen, HTTPListen string // host:port; port 0 picks a free one
	Dir                    string // spans are appended below it and read again at the next start; "" keeps them in memory only
	Logger                 *slog.Logger
	MaxTraces              int   // default 2000; the oldest without a run go first
	MaxSpans               int   // of all traces together; default 200,000
	MaxFileBytes           int64 // of each of the two files below Dir; default 64 MiB
}

func (c Config) withDefaults() Config {
	if c.MaxTraces <= 0 {
		c.MaxTraces = 2000
	}
	if c.MaxSpans <= 0 {
		c.MaxSpans = 200_000
	}
	if c.MaxFileBytes <= 0 {
		c.MaxFileBytes = 64 << 20
	}
	return c
}

// Store is a running receiver and page. Close it once.
type Store struct {
	memory     *memory
	journal    *journal // nil when memory only
	logger     *slog.Logger
	otlp, page net.Listener
	grpc       *grpc.Server
	http       *http.Server
	serving    errgroup.Group
}

// Start serves until Close; ctx bounds only the start itself.
func Start(ctx context.Context, cfg Config) (_ *Store, err error) {
	cfg = cfg.withDefaults()
	s := &Store{memory: newMemory(cfg.MaxTraces, cfg.MaxSpans), logger: cfg.Logger}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.release())
		}
	}()
	if err := s.openJournal(cfg); err != nil {
		return nil, err
	}
	if s.otlp, err = listen(ctx, "OTLP", cfg.OTLPListen); err != nil {
		return nil, err
	}
	if s.page, err = listen(ctx, "HTTP", cfg.HTTPListen); err != nil {
		return nil, err
	}
	s.serve()
	return s, nil
}

func listen(ctx context.Context, what, address string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening for %s on %s: %w", what, address, err)
	}
	return l, nil
}

func (s *Store) openJournal(cfg Config) error {
	if cfg.Dir == "" {
		return nil
	}
	journal, spans, err := openJournal(cfg.Dir, cfg.MaxFileBytes)
	if err != nil {
		return err
	}
	s.journal = journal
	for _, span := range spans {
		s.memory.add(span)
	}
	return nil
}

func (s *Store) serve() {
	s.grpc = grpc.NewServer(grpc.MaxRecvMsgSize(maxMessage))
	collectorv1.RegisterTraceServiceServer(s.grpc, &receiver{store: s})
	s.http = &http.Server{Handler: s.routes(), ReadHeaderTimeout: closeWithin}
	s.serving.Go(func() error { return unless(grpc.ErrServerStopped, s.grpc.Serve(s.otlp)) })
	s.serving.Go(func() error { return unless(http.ErrServerClosed, s.http.Serve(s.page)) })
}

// unless drops the error that only says that Close was called.
func unless(expected, err error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}

// OTLPAddr is the host:port for exporters (gRPC, no TLS).
func (s *Store) OTLPAddr() string { return s.otlp.Addr().String() }

// HTTPURL is the address of the page, without a slash at its end.
func (s *Store) HTTPURL() string { return "http://" + s.page.Addr().String() }

// Trace returns the spans of a trace by its hex id, sorted by start; nil when
// the trace is not (or no longer) kept.
func (s *Store) Trace(id string) []Span { return s.memory.trace(id) }

// Close answers what is under way, stops listening and closes the file.
func (s *Store) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
	defer cancel()
	stop := context.AfterFunc(ctx, s.grpc.Stop)
	defer stop()
	s.grpc.GracefulStop()
	return errors.Join(s.http.Shutdown(ctx), s.serving.Wait(), s.closeJournal())
}

// release closes what a start that went wrong has opened.
func (s *Store) release() error {
	var errs []error
	for _, l := range []net.Listener{s.otlp, s.page} {
		if l != nil {
			errs = append(errs, l.Close())
		}
	}
	return errors.Join(append(errs, s.closeJournal())...)
}

func (s *Store) closeJournal() error {
	if s.journal == nil {
		return nil
	}
	return s.journal.close()
}
