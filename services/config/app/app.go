// Package app wires the config service: NATS, extractor and delivery in, the operator's API out. It owns no decision. Start at New and Run.
package app

import (
	"context"
	"errors"
	"os"
	"time"

	"google.golang.org/grpc"

	"github.com/customer-exports/exports/pkg/bus"
	"github.com/customer-exports/exports/pkg/calendar"
	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/obs"
	"github.com/customer-exports/exports/pkg/rpc"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	sourcev1 "github.com/customer-exports/exports/proto/exports/source/v1"
	"github.com/customer-exports/exports/services/config/internal/audit"
	"github.com/customer-exports/exports/services/config/internal/export"
	"github.com/customer-exports/exports/services/config/internal/once"
	"github.com/customer-exports/exports/services/config/internal/peers"
	"github.com/customer-exports/exports/services/config/internal/server"
	"github.com/customer-exports/exports/services/config/internal/store"
)

// name is the service's name in traces, logs and on the bus.
const name = "config"

// App is the config service, built but not running.
type App struct {
	tel    *obs.Telemetry
	bus    *bus.Bus
	peers  []*grpc.ClientConn
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
	a := &App{tel: tel}
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
	kept, err := a.keep(ctx)
	if err != nil {
		return err
	}
	extractor, err := a.dial(cfg.ExtractorAddress)
	if err != nil {
		return err
	}
	delivery, err := a.dial(cfg.DeliveryAddress)
	if err != nil {
		return err
	}
	source := peers.Extractor{Client: sourcev1.NewSourceServiceClient(extractor)}
	registry := export.New(export.Deps{
		Store: kept.store, Dictionary: words, Source: source, Now: time.Now,
		Destinations: peers.Delivery{Client: deliveryv1.NewDestinationServiceClient(delivery)},
	})
	a.serve(kept, registry, &server.Dictionary{Words: words, Source: source})
	a.addr, err = a.server.Listen(cfg.Listen)
	return err
}

// kept is what lies in JetStream.
type kept struct {
	store    *store.Store
	requests *store.Requests
	chain    *audit.Chain
}

func (a *App) keep(ctx context.Context) (k kept, err error) {
	kv, err := a.bus.EnsureBucket(ctx, store.Bucket)
	if err != nil {
		return k, err
	}
	requests, err := a.bus.EnsureExpiringBucket(ctx, store.RequestsBucket, store.RequestsFor)
	if err != nil {
		return k, err
	}
	stream, err := a.bus.EnsureAudit(ctx)
	if err != nil {
		return k, err
	}
	log := store.NewAuditLog(a.bus.JetStream(), stream)
	return kept{store: store.New(kv), requests: store.NewRequests(requests), chain: audit.New(log, time.Now)}, nil
}

func (a *App) serve(k kept, registry *export.Registry, words *server.Dictionary) {
	record := &server.Recorder{Chain: k.chain, Once: &once.Once{Memory: k.requests, Now: time.Now}, Logger: a.tel.Logger}
	a.server = rpc.NewServer(a.tel, rpc.RefuseUnknownFields(), rpc.Around(record.Audit), rpc.Inside(record.Repeat))
	to := a.server.Registrar()
	configv1.RegisterConfigServiceServer(to, &server.Config{Registry: registry})
	configv1.RegisterRevisionServiceServer(to, &server.Revisions{Registry: registry})
	configv1.RegisterDictionaryServiceServer(to, words)
	configv1.RegisterContractServiceServer(to, &server.Contracts{Registry: registry, Words: words.Words})
	configv1.RegisterAuditServiceServer(to, &server.Audits{Chain: k.chain, Registry: registry})
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

// Addr is the address that the server listens on.
func (a *App) Addr() string { return a.addr }

// Run serves until ctx ends, then drains.
func (a *App) Run(ctx context.Context) error { return errors.Join(a.server.Serve(ctx, ""), a.close()) }

func (a *App) close() error {
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
	// Detached: the last spans leave although ctx has ended.
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return errors.Join(append(faults, a.tel.Shutdown(ctx))...)
}
