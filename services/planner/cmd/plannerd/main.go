// Command plannerd runs the planner as its own process.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/customer-exports/exports/pkg/conf"
	"github.com/customer-exports/exports/services/planner/app"
)

func main() {
	path := flag.String("config", "", "config file; example.yaml explains every setting")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *path); err != nil {
		fmt.Fprintln(os.Stderr, "plannerd:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, path string) error {
	load := func() (app.Config, error) { return conf.Load[app.Config](path, "EXPORTS_PLANNER") }
	cfg, err := load()
	if err != nil {
		return err
	}
	service, err := app.New(ctx, cfg)
	if err != nil {
		return err
	}
	service.Reload(load)
	return service.Run(ctx)
}
