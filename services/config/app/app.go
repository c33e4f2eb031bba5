// Package app wires the config service: NATS in, ConfigService out. It owns no decision. Start at New and Run.
package app

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/customer-exports/exports/pkg/bus"
	"github.com/customer-exports/exports/pkg/calendar"
	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/obs"
	"github.com/customer-exports/exports/pkg/rpc"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/export"
	"github.com/customer-exports/exports/services/config/internal/server"
	"github.com/customer-exports/exports/services/config/internal/store"
)

// name is the service's name in traces, logs and on the bus.
const name = "config"

// App is the config service, built but not running.
type App struct {
	tel    *obs.Telemetry
	bus    *bus.Bus
	server *rpc.Server
	addr   string
}

// New opens connections and binds the listener; nothing is answered before Run.
func New(ctx context.Context, cfg Config) (*App, error) {
	if err := calendar.CheckZones(); err != nil {
		return nil, err
	}
	cfg.Telemetry.Service = name
	tel, err := obs.Setup(ctx, cfg.Telemetry, os.Stderr)
	if err != nil {
		return nil, err
	}
	a := &App{tel: tel, server: rpc.NewServer(tel)}
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
	kv, err := a.bus.EnsureBucket(ctx, store.Bucket)
	if err != nil {
		return err
	}
	registry := export.New(store.New(kv), words, time.Now)
	configv1.RegisterConfigServiceServer(a.server.Registrar(), server.New(registry, a.tel.Logger))
	a.addr, err = a.server.Listen(cfg.Listen)
	return err
}

func loadDictionary(path string) (*dictionary.Dictionary, error) {
	if path == "" {
		return dictionary.Standard(), nil
	}
	return dictionary.Load(path)
}

// Addr is the address that the server listens on.
func (a *App) Addr() string { return a.addr }

// Run serves until ctx ends, then drains.
func (a *App) Run(ctx context.Context) error { return errors.Join(a.server.Serve(ctx, ""), a.close()) }

func (a *App) close() error {
	a.server.Close()
	if a.bus != nil {
		a.bus.Close()
	}
	// Detached: the last spans leave although ctx has ended.
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return a.tel.Shutdown(ctx)
}
