// Command deliveryd runs the delivery service as its own process.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/customer-exports/exports/pkg/conf"
	"github.com/customer-exports/exports/services/delivery/app"
)

func main() {
	path := flag.String("config", "", "config file; example.yaml explains every setting")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *path); err != nil {
		fmt.Fprintln(os.Stderr, "deliveryd:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, path string) error {
	cfg, err := conf.Load[app.Config](path, "EXPORTS_DELIVERY")
	if err != nil {
		return err
	}
	conf.LimitMemory(cfg.MemoryLimitBytes)
	service, err := app.New(ctx, cfg)
	if err != nil {
		return err
	}
	return service.Run(ctx)
}
