// Command extractord runs one extractor. It reads a config file and environment variables that start
// with EXPORTS_EXTRACTOR, and stops on SIGINT or SIGTERM. Everything else is in package app.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/customer-exports/exports/pkg/conf"
	"github.com/customer-exports/exports/services/extractor/app"
)

func main() {
	path := flag.String("config", "", "path of the config file")
	flag.Parse()
	if err := run(*path); err != nil {
		fmt.Fprintln(os.Stderr, "extractord:", err)
		os.Exit(1)
	}
}

func run(path string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	cfg, err := conf.Load[app.Config](path, "EXPORTS_EXTRACTOR")
	if err != nil {
		return err
	}
	conf.LimitMemory(cfg.MemoryLimitBytes)
	extractor, err := app.New(ctx, cfg)
	if err != nil {
		return err
	}
	return extractor.Run(ctx)
}
