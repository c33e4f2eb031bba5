// Package app wires the SLA monitor: config service, customers' buckets and
// NATS in, verdicts out. It owns no decision. Start reading at New and Run.
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
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	slav1 "github.com/customer-exports/exports/proto/exports/sla/v1"
	"github.com/customer-exports/exports/services/slamonitor/internal/audit"
	"github.com/customer-exports/exports/services/slamonitor/internal/bucket"
	"github.com/customer-exports/exports/services/slamonitor/internal/server"
	"github.com/customer-exports/exports/services/slamonitor/internal/store"
	"github.com/customer-exports/exports/services/slamonitor/internal/watch"
)

// name is the service's name in traces, logs and on the bus.
const name = "slamonitor"

// App is the monitor, built but not running.
type App struct {
	tel     *obs.Telemetry
	bus     *bus.Bus
	server  *rpc.Server
	peer    *grpc.ClientConn
	watcher *watch.Watcher
	addr    string
	tick    time.Duration
}

// New opens connections and binds the listener; nothing runs before Run.
func New(ctx context.Context, cfg Config) (*App, error) {
	cfg.Telemetry.Service = name
	tel, err := obs.Setup(ctx, cfg.Telemetry, os.Stderr)
	if err != nil {
		return nil, err
	}
	a := &App{tel: tel, tick: cfg.Tick.D()}
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
	keys, err := readKeys(cfg.S3)
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
	if a.peer, err = rpc.Dial(cfg.ConfigAddress, a.tel); err != nil {
		return err
	}
	buckets, err := bucket.NewOpener(keys, bucket.STS{Endpoint: cfg.S3.STSEndpoint, Region: cfg.S3.STSRegion, Trusted: cfg.S3.CAFile})
	if err != nil {
		return err
	}
	verdicts := store.New(kv)
	a.watcher = &watch.Watcher{
		Configs: configv1.NewConfigServiceClient(a.peer), Verdicts: verdicts, Bus: a.bus, Tel: a.tel,
		Buckets: buckets,
		Auditor: &audit.Auditor{Dictionary: words, TempDir: cfg.TempDir}, Timeout: cfg.AuditTimeout.D(), Now: time.Now,
	}
	a.server = rpc.NewServer(a.tel)
	slav1.RegisterSlaServiceServer(a.server.Registrar(), &server.Server{Verdicts: verdicts})
	a.addr, err = a.server.Listen(cfg.Listen)
	return err
}

func loadDictionary(path string) (*dictionary.Dictionary, error) {
	if path == "" {
		return dictionary.Standard(), nil
	}
	return dictionary.Load(path)
}

func readKeys(cfg S3) (bucket.Keys, error) {
	access, err := cfg.AccessKeyFile.Read()
	if err != nil {
		return bucket.Keys{}, fmt.Errorf("reading s3.access_key_file: %w", err)
	}
	secret, err := cfg.SecretKeyFile.Read()
	if err != nil {
		return bucket.Keys{}, fmt.Errorf("reading s3.secret_key_file: %w", err)
	}
	return bucket.Keys{AccessKey: access, SecretKey: secret}, nil
}

// Addr is the address that the server listens on.
func (a *App) Addr() string { return a.addr }

// Run serves and watches until ctx ends, then drains.
func (a *App) Run(ctx context.Context) error {
	g, run := errgroup.WithContext(ctx)
	g.Go(func() error { return a.server.Serve(run, "") })
	g.Go(func() error { return a.watcher.Run(run, a.tick) })
	return errors.Join(g.Wait(), a.close())
}

func (a *App) close() error {
	var errs []error
	if a.peer != nil {
		errs = append(errs, a.peer.Close())
	}
	if a.bus != nil {
		a.bus.Close()
	}
	// Detached: the last spans leave although ctx has ended.
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return errors.Join(append(errs, a.tel.Shutdown(ctx))...)
}
