package stack

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/customer-exports/exports/pkg/conf"
	configapp "github.com/customer-exports/exports/services/config/app"
	deliveryapp "github.com/customer-exports/exports/services/delivery/app"
	extractorapp "github.com/customer-exports/exports/services/extractor/app"
	plannerapp "github.com/customer-exports/exports/services/planner/app"
	slamonitorapp "github.com/customer-exports/exports/services/slamonitor/app"
)

// runner is what every service's app package builds.
type runner interface {
	Run(ctx context.Context) error
}

type service struct {
	name string
	port int
	open func(ctx context.Context, configPath string) (runner, error)
}

// opener loads a service's config file, as its own binary does, and builds it.
func opener[T any, P interface {
	*T
	Defaults()
	Validate() error
}, A runner](prefix string, build func(context.Context, T) (A, error),
) func(context.Context, string) (runner, error) {
	return func(ctx context.Context, path string) (runner, error) {
		cfg, err := conf.Load[T, P](path, prefix)
		if err != nil {
			return nil, err
		}
		return build(ctx, cfg)
	}
}

func (s *Stack) services() []service {
	p := s.Ports
	return []service{
		{"config", p.Config, opener("EXPORTS_CONFIG", configapp.New)},
		{"planner", p.Planner, opener("EXPORTS_PLANNER", plannerapp.New)},
		{"delivery", p.Delivery, opener("EXPORTS_DELIVERY", deliveryapp.New)},
		{"extractor", p.Extractor, opener("EXPORTS_EXTRACTOR", extractorapp.New)},
		{"slamonitor", p.Monitor, opener("EXPORTS_SLAMONITOR", slamonitorapp.New)},
	}
}

func (s *Stack) startServices(ctx context.Context) error {
	// Detached: a stopped demo ends services by Close, in order, not all at once.
	group, run := errgroup.WithContext(context.WithoutCancel(ctx))
	s.closers = append(s.closers, group.Wait)
	for _, svc := range s.services() {
		path, err := s.writeConfig(svc.name)
		if err != nil {
			return err
		}
		if slices.Contains(s.cfg.Without, svc.name) {
			continue
		}
		app, err := svc.open(run, path)
		if err != nil {
			return fmt.Errorf("opening the %s service: %w", svc.name, err)
		}
		s.serve(run, group, app)
		if err := s.awaitHealthy(ctx, svc); err != nil {
			return err
		}
	}
	return nil
}

// serve runs a service until Close reaches it, or another one fails.
func (s *Stack) serve(run context.Context, group *errgroup.Group, app runner) {
	own, stop := context.WithCancel(run)
	ended := make(chan struct{})
	group.Go(func() error {
		defer close(ended)
		return app.Run(own)
	})
	s.closers = append(s.closers, func() error { stop(); <-ended; return nil })
}

// Dial connects to a service by its port. The caller closes the connection.
func Dial(port int) (*grpc.ClientConn, error) {
	return grpc.NewClient(address(port), grpc.WithTransportCredentials(insecure.NewCredentials()))
}

func (s *Stack) awaitHealthy(ctx context.Context, svc service) error {
	ctx, cancel := context.WithTimeout(ctx, orElse(s.cfg.ReadyWithin, time.Minute))
	defer cancel()
	conn, err := Dial(svc.port)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	answer, err := healthv1.NewHealthClient(conn).Check(ctx, &healthv1.HealthCheckRequest{}, grpc.WaitForReady(true))
	if err != nil {
		return fmt.Errorf("waiting for the %s service: %w", svc.name, err)
	}
	if answer.GetStatus() != healthv1.HealthCheckResponse_SERVING {
		return fmt.Errorf("the %s service says %s", svc.name, answer.GetStatus())
	}
	return nil
}
