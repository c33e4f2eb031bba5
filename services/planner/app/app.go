// Package app wires the planner: approved exports and reports in, tasks out. It owns no decision. Start reading at New
// and Run.
package app

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"github.com/customer-exports/exports/pkg/bus"
	"github.com/customer-exports/exports/pkg/calendar"
	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/obs"
	"github.com/customer-exports/exports/pkg/rpc"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	sourcev1 "github.com/customer-exports/exports/proto/exports/source/v1"
	"github.com/customer-exports/exports/services/planner/internal/plan"
	"github.com/customer-exports/exports/services/planner/internal/run"
	"github.com/customer-exports/exports/services/planner/internal/server"
	"github.com/customer-exports/exports/services/planner/internal/store"
)

// name is the service's name in traces, logs and on the bus.
const name = "planner"

// App is the planner, built but not running.
type App struct {
	tel     *obs.Telemetry
	bus     *bus.Bus
	server  *rpc.Server
	peers   []*grpc.ClientConn
	planner *plan.Planner
	rules   *rules
	addr    string
	tick    time.Duration
}

// New opens connections and binds the listener; nothing runs before Run. Config service and extractor need not be up.
func New(ctx context.Context, cfg Config) (*App, error) {
	if err := calendar.CheckZones(); err != nil {
		return nil, err
	}
	cfg.Telemetry.Service = name
	tel, err := obs.Setup(ctx, cfg.Telemetry, os.Stderr)
	if err != nil {
		return nil, err
	}
	a := &App{tel: tel, tick: cfg.Tick.D(), rules: &rules{inForce: cfg.rules(), log: tel.Logger}}
	if err := a.open(ctx, cfg); err != nil {
		return nil, errors.Join(err, a.close())
	}
	return a, nil
}

func (a *App) open(ctx context.Context, cfg Config) (err error) {
	words, err := loadDictionary(cfg.DictionaryFile)
	if err != nil {
		return err
	}
	if a.bus, err = bus.Connect(ctx, cfg.NATS, name); err != nil {
		return err
	}
	if err := a.bus.EnsureTasks(ctx); err != nil {
		return err
	}
	kv, err := a.bus.EnsureBucket(ctx, store.Bucket)
	if err != nil {
		return err
	}
	config, err := a.dial(cfg.ConfigAddress)
	if err != nil {
		return err
	}
	extractor, err := a.dial(cfg.ExtractorAddress)
	if err != nil {
		return err
	}
	runs, source := store.New(kv), plan.SourceService{Client: sourcev1.NewSourceServiceClient(extractor)}
	a.planner = &plan.Planner{
		Store: runs, Changes: runs, Queue: store.NewQueue(a.bus, a.tel), Dead: store.NewDead(a.bus), Tel: a.tel, Now: time.Now,
		Exports: plan.ConfigService{Client: configv1.NewConfigServiceClient(config)}, Source: source, Previewer: source,
		Cutter: run.Cutter{
			TargetRows: cfg.PartTargetRows, TargetBytes: cfg.PartTargetBytes, MaxRows: cfg.PartMaxRows, Whole: whole(words),
		},
		Rules: a.rules.now, SettleDelay: cfg.SettleDelay.D(),
	}
	a.server = rpc.NewServer(a.tel)
	planv1.RegisterRunServiceServer(a.server.Registrar(), &server.Runs{Planner: a.planner})
	planv1.RegisterReportServiceServer(a.server.Registrar(), &server.Reports{Planner: a.planner})
	a.addr, err = a.server.Listen(cfg.Listen)
	return err
}

// dial prepares a connection that is made on the first call.
func (a *App) dial(address string) (*grpc.ClientConn, error) {
	conn, err := rpc.Dial(address, a.tel)
	if err == nil {
		a.peers = append(a.peers, conn)
	}
	return conn, err
}

func loadDictionary(path string) (*dictionary.Dictionary, error) {
	if path == "" {
		return dictionary.Standard(), nil
	}
	return dictionary.Load(path)
}

// whole says which tables are read by one task: shared ones, and those that nothing splits.
func whole(words *dictionary.Dictionary) func(string) bool {
	return func(name string) bool {
		table, found := words.Table(name)
		return !found || table.Scope.Shared || table.Split == ""
	}
}

// Reload makes each tick take caps, sizes and shares from what load gives. Call it before Run.
func (a *App) Reload(load func() (Config, error)) { a.rules.load = load }

// Addr is the address that the server listens on.
func (a *App) Addr() string { return a.addr }

// Run serves and ticks until ctx ends, then drains.
func (a *App) Run(ctx context.Context) error {
	g, running := errgroup.WithContext(ctx)
	g.Go(func() error { return a.server.Serve(running, "") })
	g.Go(func() error { return a.planner.Run(running, a.tick) })
	return errors.Join(g.Wait(), a.close())
}

func (a *App) close() error {
	var errs []error
	if a.server != nil {
		a.server.Close()
	}
	for _, peer := range a.peers {
		errs = append(errs, peer.Close())
	}
	if a.bus != nil {
		a.bus.Close()
	}
	// Detached: the last spans leave although ctx has ended.
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return errors.Join(append(errs, a.tel.Shutdown(ctx))...)
}
