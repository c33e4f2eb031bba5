// Package app builds the delivery service by hand, in order, and drains it in reverse. It owns no
// decision. Start at New and Run.
package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"github.com/customer-exports/exports/pkg/bus"
	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/obs"
	"github.com/customer-exports/exports/pkg/rpc"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	eventv1 "github.com/customer-exports/exports/proto/exports/event/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	"github.com/customer-exports/exports/services/delivery/internal/bucket/s3bucket"
	"github.com/customer-exports/exports/services/delivery/internal/commit"
	"github.com/customer-exports/exports/services/delivery/internal/drops"
	"github.com/customer-exports/exports/services/delivery/internal/encode"
	"github.com/customer-exports/exports/services/delivery/internal/encode/flat"
	"github.com/customer-exports/exports/services/delivery/internal/expire"
	"github.com/customer-exports/exports/services/delivery/internal/part"
	"github.com/customer-exports/exports/services/delivery/internal/preflight"
	"github.com/customer-exports/exports/services/delivery/internal/resend"
	"github.com/customer-exports/exports/services/delivery/internal/server"
	"github.com/customer-exports/exports/services/delivery/internal/store"
)

// name is the service's name in traces and logs, and of its consumer on the bus.
const name = "delivery"

// shutdownTimeout bounds sending the last spans.
const shutdownTimeout = 5 * time.Second

// App is the delivery service, built but not running.
type App struct {
	cfg     Config
	tel     *obs.Telemetry
	bus     *bus.Bus
	buckets *s3bucket.Opener
	peers   []*grpc.ClientConn
	server  *rpc.Server
	commits *server.Commits
	addr    string

	fallbacks metric.Int64Counter
}

// New opens connections and binds the listener; nothing runs before Run.
func New(ctx context.Context, cfg Config) (*App, error) {
	cfg.Telemetry.Service = name
	tel, err := obs.Setup(ctx, cfg.Telemetry, os.Stderr)
	if err != nil {
		return nil, err
	}
	a := &App{cfg: cfg, tel: tel}
	if err := a.open(ctx); err != nil {
		return nil, errors.Join(err, a.close(ctx))
	}
	return a, nil
}

func (a *App) open(ctx context.Context) (err error) {
	if a.fallbacks, err = otel.Meter(name).Int64Counter(obs.MetricEncodeFallbacks); err != nil {
		return err
	}
	words, err := loadDictionary(a.cfg.DictionaryFile)
	if err != nil {
		return err
	}
	keys, err := readKeys(a.cfg.S3)
	if err != nil {
		return err
	}
	if a.buckets, err = s3bucket.NewOpener(ctx, keys, s3bucket.STS{Endpoint: a.cfg.S3.STSEndpoint, Region: a.cfg.S3.STSRegion, Trusted: a.cfg.S3.CAFile}); err != nil {
		return err
	}
	if a.bus, err = bus.Connect(ctx, a.cfg.NATS, name); err != nil {
		return err
	}
	config, err := a.dial(a.cfg.ConfigAddress)
	if err != nil {
		return err
	}
	planner, err := a.dial(a.cfg.PlannerAddress)
	if err != nil {
		return err
	}
	a.wire(&store.Revisions{Config: configv1.NewConfigServiceClient(config), Contracts: configv1.NewContractServiceClient(config), Words: words}, &store.Planner{Reports: planv1.NewReportServiceClient(planner)})
	a.addr, err = a.server.Listen(a.cfg.Listen)
	return err
}

func (a *App) wire(revisions *store.Revisions, planner *store.Planner) {
	a.commits = &server.Commits{
		Committer: &commit.Committer{
			Planner: planner, Revisions: revisions, Buckets: a.buckets, Tel: a.tel, Now: time.Now, Producer: producer(),
		},
		Copier:  &resend.Resender{Planner: planner, Revisions: revisions, Buckets: a.buckets, Tel: a.tel},
		Aborter: &commit.Aborter{Runs: planner, Revisions: revisions, Buckets: a.buckets, Tel: a.tel},
		Expirer: &expire.Expirer{
			Runs: planner, Exports: revisions, Revisions: revisions, Buckets: a.buckets, Announce: a.announce, Tel: a.tel, Now: time.Now,
		},
		Sweeper:  &commit.Sweeper{Runs: planner, Revisions: revisions, Buckets: a.buckets, Tel: a.tel, Now: time.Now},
		Placer:   &commit.Placer{Contracts: revisions, Revisions: revisions, Buckets: a.buckets},
		Failures: planner, Announce: a.announce, Tel: a.tel, Now: time.Now,
	}
	a.server = rpc.NewServer(a.tel)
	deliveryv1.RegisterPartServiceServer(a.server.Registrar(), &server.Parts{
		Uploader: &part.Uploader{Runs: planner, Revisions: revisions, Buckets: a.buckets, Encoders: a.encoders(), Announce: a.announce, Tel: a.tel},
	})
	deliveryv1.RegisterDestinationServiceServer(a.server.Registrar(), &server.Destinations{
		Checker: &preflight.Checker{Destinations: revisions, Buckets: a.buckets, Roles: a.buckets, Tel: a.tel},
	})
	deliveryv1.RegisterDropServiceServer(a.server.Registrar(), &server.Drops{
		Reader: &drops.Reader{Places: revisions, Buckets: a.buckets, Tel: a.tel},
	})
}

func (a *App) encoders() encode.Maker {
	workers := cmp.Or(a.cfg.Encode.Workers, runtime.GOMAXPROCS(0)-1)
	return encode.Maker{ByLibrary: a.cfg.Encode.ByLibrary, Parquet: encode.Options{Pool: flat.NewPool(workers)}, FellBack: a.fellBack}
}

// fellBack counts and tells what only Arrow's library can write.
func (a *App) fellBack(table string, cause error) {
	a.fallbacks.Add(context.Background(), 1)
	a.tel.Logger.Warn("table is written by Arrow's library", slog.String(obs.KeyTable, table), slog.Any(obs.KeyError, cause))
}

func (a *App) announce(ctx context.Context, e *eventv1.Event) error {
	return a.bus.PublishEvent(ctx, a.tel, e)
}

func (a *App) dial(address string) (*grpc.ClientConn, error) {
	peer, err := rpc.Dial(address, a.tel)
	if err == nil {
		a.peers = append(a.peers, peer)
	}
	return peer, err
}

func loadDictionary(path string) (*dictionary.Dictionary, error) {
	if path == "" {
		return dictionary.Standard(), nil
	}
	return dictionary.Load(path)
}

func readKeys(cfg S3) (s3bucket.Keys, error) {
	if cfg.AccessKeyFile == "" && cfg.SecretKeyFile == "" {
		return s3bucket.Keys{}, nil
	}
	access, err := cfg.AccessKeyFile.Read()
	if err != nil {
		return s3bucket.Keys{}, fmt.Errorf("reading s3.access_key_file: %w", err)
	}
	secret, err := cfg.SecretKeyFile.Read()
	if err != nil {
		return s3bucket.Keys{}, fmt.Errorf("reading s3.secret_key_file: %w", err)
	}
	return s3bucket.Keys{AccessKey: access, SecretKey: secret}, nil
}

// producer is what manifests name as the version that wrote them.
func producer() string {
	version := "devel"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		version = info.Main.Version
	}
	return name + "/" + version
}

// Addr is the address that the server listens on.
func (a *App) Addr() string { return a.addr }

// Run serves parts and commits drops until ctx ends, then drains both.
func (a *App) Run(ctx context.Context) error {
	group, running := errgroup.WithContext(ctx)
	group.Go(func() error { return a.server.Serve(running, "") })
	group.Go(func() error { return a.bus.Consume(running, a.tel, a.consumer(), a.commits.Handle) })
	return errors.Join(group.Wait(), a.close(ctx))
}

func (a *App) consumer() bus.Consumer {
	c := a.cfg.Commit
	return bus.Consumer{
		Name: name, Subjects: []string{"task.commit.>", "task.abort.>", "task.copy.>", "task.expire.>"}, AckWait: c.AckWait.D(), Deadline: c.Deadline.D(),
		MaxDeliver: c.Attempts, Concurrency: c.Concurrency,
	}
}

// close releases what was opened, in reverse; it copes with a New that stopped half-way.
func (a *App) close(ctx context.Context) error {
	if a.server != nil {
		a.server.Close()
	}
	var faults []error
	for _, peer := range a.peers {
		faults = append(faults, peer.Close())
	}
	if a.bus != nil {
		a.bus.Close()
	}
	if a.buckets != nil {
		a.buckets.Close()
	}
	// Detached: ctx has ended when Run drains.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	return errors.Join(append(faults, a.tel.Shutdown(ctx))...)
}
