// Package app builds the extractor by hand, in order, and runs it. It is the only exported package of
// the service: main and the tests make the same call. It decides nothing. Start at New.
package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"github.com/customer-exports/exports/pkg/bus"
	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/obs"
	"github.com/customer-exports/exports/pkg/rpc"
	sourcev1 "github.com/customer-exports/exports/proto/exports/source/v1"
	"github.com/customer-exports/exports/services/extractor/internal/lookup"
	"github.com/customer-exports/exports/services/extractor/internal/peers"
	"github.com/customer-exports/exports/services/extractor/internal/server"
	"github.com/customer-exports/exports/services/extractor/internal/snowflake"
	"github.com/customer-exports/exports/services/extractor/internal/work"
)

const (
	serviceName = "extractor"
	// flushWithin bounds the export of the last spans after Run has ended.
	flushWithin = 5 * time.Second
)

// App is one extractor. Nothing runs before Run.
type App struct {
	cfg     Config
	tel     *obs.Telemetry
	bus     *bus.Bus
	source  *snowflake.Source
	server  *rpc.Server
	handler *work.Handler
	addr    string
	closers []func() error
}

// New opens telemetry, queue and listener; peers and source are dialled when first needed. The caller
// calls Run, which closes everything.
func New(ctx context.Context, cfg Config) (*App, error) {
	a := &App{cfg: cfg}
	if err := a.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the extractor: %w", err), a.close())
	}
	return a, nil
}

func (a *App) open(ctx context.Context) (err error) {
	a.cfg.Telemetry.Service = serviceName
	if a.tel, err = obs.Setup(ctx, a.cfg.Telemetry, os.Stderr); err != nil {
		return err
	}
	a.closers = append(a.closers, a.flush)
	words, err := words(a.cfg.DictionaryFile)
	if err != nil {
		return err
	}
	if a.source, err = snowflake.Open(a.cfg.Source, a.tel); err != nil {
		return err
	}
	a.closers = append(a.closers, a.source.Close)
	if err := a.openHandler(words); err != nil {
		return err
	}
	if err := a.openBus(ctx); err != nil {
		return err
	}
	a.server = rpc.NewServer(a.tel)
	sourcev1.RegisterSourceServiceServer(a.server.Registrar(), server.New(lookup.New(words, a.source), a.handler))
	a.closers = append(a.closers, func() error { a.server.Close(); return nil })
	a.addr, err = a.server.Listen(a.cfg.Listen)
	return err
}

func (a *App) openHandler(words *dictionary.Dictionary) error {
	var conns []*grpc.ClientConn
	for _, address := range []string{a.cfg.ConfigAddress, a.cfg.PlannerAddress, a.cfg.DeliveryAddress} {
		conn, err := rpc.Dial(address, a.tel)
		if err != nil {
			return fmt.Errorf("dialling %s: %w", address, err)
		}
		conns, a.closers = append(conns, conn), append(a.closers, conn.Close)
	}
	planner := peers.NewPlanner(conns[1])
	a.handler = work.New(work.Deps{
		Dictionary: words, Source: a.source, Teller: a.source, Telemetry: a.tel, Now: time.Now, AskEvery: a.cfg.RunCheck.D(),
		Revisions: peers.NewConfig(conns[0]), Planner: planner, Runs: planner, Delivery: peers.NewDelivery(conns[2]),
	})
	return nil
}

func (a *App) openBus(ctx context.Context) (err error) {
	if a.bus, err = bus.Connect(ctx, a.cfg.NATS, serviceName); err != nil {
		return err
	}
	a.closers = append(a.closers, func() error { a.bus.Close(); return nil })
	return a.bus.EnsureTasks(ctx)
}

// Addr is where the SourceService and health are served.
func (a *App) Addr() string { return a.addr }

// Run handles tasks and answers calls until ctx ends, finishes what is in flight, and closes everything.
func (a *App) Run(ctx context.Context) error {
	group, running := errgroup.WithContext(ctx)
	group.Go(func() error { return a.server.Serve(running, "") })
	group.Go(func() error { return a.bus.Consume(running, a.tel, a.consumer(), a.handler.Handle) })
	return errors.Join(group.Wait(), a.close())
}

func (a *App) consumer() bus.Consumer {
	return bus.Consumer{
		Name: serviceName, Subjects: []string{"task.measure.>", "task.extract.>"},
		AckWait: a.cfg.AckWait.D(), Deadline: a.cfg.AttemptTimeout.D(),
		MaxDeliver: a.cfg.MaxAttempts, Concurrency: a.cfg.Concurrency,
	}
}

// close undoes open in reverse.
func (a *App) close() error {
	var faults []error
	for i := len(a.closers) - 1; i >= 0; i-- {
		faults = append(faults, a.closers[i]())
	}
	a.closers = nil
	return errors.Join(faults...)
}

func (a *App) flush() error {
	// Detached: the spans of what was just finished leave after the context of Run has ended.
	ctx, cancel := context.WithTimeout(context.Background(), flushWithin)
	defer cancel()
	return a.tel.Shutdown(ctx)
}

func words(path string) (*dictionary.Dictionary, error) {
	if path == "" {
		return dictionary.Standard(), nil
	}
	return dictionary.Load(path)
}
