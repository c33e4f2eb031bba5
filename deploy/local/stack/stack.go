// Package stack embeds everything a run needs in one process: NATS with
// JetStream, an S3 server, the local warehouse, the trace store and the five
// services. The services get nothing from it but a config file each: they still
// talk over real gRPC sockets, real NATS, the genuine Snowflake driver and the
// S3 API. It refuses to hold any logic of a run. Start reading at Start.
package stack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/customer-exports/exports/deploy/local/objectstore"
	"github.com/customer-exports/exports/deploy/local/traces"
	"github.com/customer-exports/exports/deploy/local/warehouse"
)

// Config says where the stack keeps its files and what it starts.
type Config struct {
	Dir         string        // everything is written below it
	Scale       float64       // warehouse scale factor; 1 is about a million transactions
	Large       string        // the only table that the scale is for; empty means all
	Ports       Ports         // zero value: all free ports
	RestateTime time.Time     // when the warehouse's history was restated
	CreateTime  time.Time     // when the warehouse's tables were created
	WarehouseDB string        // DuckDB file; empty keeps the warehouse in memory
	ChunkRows   int           // rows of a result chunk; zero means the warehouse's default
	SpoolBytes  int64         // results that the warehouse keeps and gives again; zero means that it gives none again
	Without     []string      // services that are not started here
	Settings    Settings      // settings that tests change
	Logger      *slog.Logger  // receives one line per part started
	ReadyWithin time.Duration // zero means a minute
}

// Settings are the few service settings that differ between the demo and tests.
type Settings struct {
	Tick           time.Duration // planner's and monitor's look around
	AckWait        time.Duration // silence after which a task is given to another worker
	PartTargetRows int           // rows of a part; zero means the planner's default
	StallTimeout   time.Duration // silence of the source after which an attempt fails
	Concurrency    int           // tasks an extractor works on at once
	RunCheck       time.Duration // how often an attempt asks whether its run goes on; zero means the extractor's default
	MaxAttempts    int           // tries of an extractor's task; zero means its default
	LogLevel       string
}

// Stack is everything running. Close it once.
type Stack struct {
	Ports     Ports
	Dir       string
	Traces    *traces.Store
	S3        *objectstore.Server
	Warehouse *warehouse.Server
	Creds     Credentials

	cfg     Config
	nats    *server.Server
	closers []func() error
}

// Start brings everything up in dependency order and returns when all services
// answer. Whatever was started is stopped again when a later step fails.
func Start(ctx context.Context, cfg Config) (_ *Stack, err error) {
	ports, err := cfg.Ports.Resolve()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Dir, 0o750); err != nil {
		return nil, fmt.Errorf("making %s: %w", cfg.Dir, err)
	}
	s := &Stack{Ports: ports, Dir: cfg.Dir, cfg: cfg}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	for _, step := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"credentials", s.writeCredentials},
		{"trace store", s.startTraces},
		{"NATS", s.startNATS},
		{"S3 server", s.startS3},
		{"warehouse", s.startWarehouse},
		{"services", s.startServices},
	} {
		began := time.Now()
		if err := step.run(ctx); err != nil {
			return nil, fmt.Errorf("starting %s: %w", step.name, err)
		}
		cfg.Logger.InfoContext(ctx, "started", "part", step.name, "seconds", time.Since(began).Seconds())
	}
	return s, nil
}

// Close ends the services, then what they stand on, newest first. A service lets the work under way finish for about ten
// seconds, while those that it calls are still there.
func (s *Stack) Close() error {
	var errs []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		errs = append(errs, s.closers[i]())
	}
	s.closers = nil
	return errors.Join(errs...)
}

func (s *Stack) startTraces(ctx context.Context) error {
	store, err := traces.Start(ctx, traces.Config{
		OTLPListen: address(s.Ports.OTLP), HTTPListen: address(s.Ports.Traces),
		Dir: filepath.Join(s.Dir, "traces"), Logger: s.cfg.Logger,
	})
	if err != nil {
		return err
	}
	s.Traces = store
	s.closers = append(s.closers, store.Close)
	return nil
}

func (s *Stack) startNATS(context.Context) error {
	opts := &server.Options{
		ServerName: "local", Host: "127.0.0.1", Port: s.Ports.NATS, DontListen: false,
		JetStream: true, StoreDir: filepath.Join(s.Dir, "nats"), SyncAlways: true, NoSigs: true, NoLog: true,
	}
	srv, err := server.NewServer(opts)
	if err != nil {
		return err
	}
	srv.Start()
	s.nats = srv
	s.closers = append(s.closers, func() error { srv.Shutdown(); srv.WaitForShutdown(); return nil })
	if !srv.ReadyForConnections(10 * time.Second) {
		return errors.New("the NATS server is not ready after 10 s")
	}
	return nil
}

func (s *Stack) startS3(ctx context.Context) error {
	srv, err := objectstore.Start(ctx, objectstore.Config{
		Root: filepath.Join(s.Dir, "s3"), Listen: address(s.Ports.S3), Logger: s.cfg.Logger,
		Admin: objectstore.Account{AccessKey: BucketOwner, SecretKey: s.Creds.AdminSecret, Owner: BucketOwner},
		Users: []objectstore.User{
			{AccessKey: WriterKey, SecretKey: s.Creds.WriterSecret},
			{AccessKey: ReaderKey, SecretKey: s.Creds.ReaderSecret},
		},
	})
	if err != nil {
		return err
	}
	s.S3 = srv
	s.closers = append(s.closers, srv.Close)
	return nil
}

func (s *Stack) startWarehouse(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Dir(s.cfg.WarehouseDB), 0o750); err != nil {
		return fmt.Errorf("making the warehouse's folder: %w", err)
	}
	srv, err := warehouse.Open(ctx, warehouse.Config{
		Listen: address(s.Ports.Warehouse), Path: s.cfg.WarehouseDB, Scale: s.cfg.Scale, Large: s.cfg.Large, Seed: 1,
		User: sourceUser, Password: s.Creds.SourcePassword, RestateTime: s.cfg.RestateTime, CreateTime: s.cfg.CreateTime,
		Retention: 90 * 24 * time.Hour, ChunkRows: s.cfg.ChunkRows, Spool: filepath.Join(s.Dir, "spool"),
		SpoolBytes: s.cfg.SpoolBytes, ReuseResults: s.cfg.SpoolBytes > 0,
		Logger: s.cfg.Logger,
	})
	if err != nil {
		return err
	}
	s.Warehouse = srv
	s.closers = append(s.closers, srv.Close)
	return nil
}
