// Command warehoused runs the local warehouse as a process of its own until it is interrupted.
package main

import (
	"context"
	"flag"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/customer-exports/exports/deploy/local/warehouse"
)

func main() {
	cfg := warehouse.Config{Logger: slog.New(slog.NewJSONHandler(os.Stderr, nil))}
	flag.StringVar(&cfg.Listen, "listen", "127.0.0.1:8085", "address to listen on")
	flag.StringVar(&cfg.Path, "path", "", "DuckDB file; empty keeps the data in memory")
	flag.StringVar(&cfg.Spool, "spool", "", "folder for result chunks; empty is the system's")
	flag.Float64Var(&cfg.Scale, "scale", 0.01, "size of the data; 1 is about a million transactions")
	flag.Uint64Var(&cfg.Seed, "seed", 1, "seed of the data")
	flag.DurationVar(&cfg.Retention, "retention", 0, "how far time travel reaches back; 0 is without limit")
	flag.TextVar(&cfg.CreateTime, "create-time", time.Time{}, "when the tables came into being (RFC 3339)")
	flag.TextVar(&cfg.RestateTime, "restate-time", time.Time{}, "when history was restated (RFC 3339); zero is never")
	flag.Parse()
	if err := run(cfg); err != nil {
		cfg.Logger.Error("warehouse stopped", "error", err)
		os.Exit(1)
	}
}

func run(cfg warehouse.Config) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	server, err := warehouse.Open(ctx, cfg)
	if err != nil {
		return err
	}
	cfg.Logger.InfoContext(ctx, "warehouse serving", "address", server.Addr())
	<-ctx.Done()
	return server.Close()
}
