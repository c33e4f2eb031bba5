package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/customer-exports/exports/deploy/local/demo"
	"github.com/customer-exports/exports/deploy/local/stack"
)

type options struct {
	dir       string
	scale     float64
	freePorts bool
	serve     bool
}

// maxScale is far above what a laptop generates in a day, and far below what the generator's row numbers hold.
const maxScale = 1000

// local starts the stack, does the demo, and serves on if asked to.
func local(ctx context.Context, opts options) error {
	dir, err := filepath.Abs(opts.dir)
	if err != nil {
		return err
	}
	unlock, err := lock(dir)
	if err != nil {
		return err
	}
	defer unlock()
	// Before anything of the last demo is removed: when this one cannot start, that one's drops stay.
	ports, err := wanted(opts).Resolve()
	if err != nil {
		return err
	}
	if err := clean(dir); err != nil {
		return err
	}
	return embed(ctx, config(dir, opts.scale, ports), opts.serve)
}

// errInterrupted stands for whatever call a Ctrl-C happened to reach.
var errInterrupted = errors.New("interrupted before the drops were delivered; it begins afresh when started again")

func unlessInterrupted(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return errInterrupted
	}
	return err
}

// embed runs everything until the demo is done, or ctx ends.
func embed(ctx context.Context, cfg stack.Config, serve bool) (err error) {
	s, err := stack.Start(ctx, cfg)
	if err != nil {
		return unlessInterrupted(ctx, err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := deliver(ctx, s); err != nil {
		return unlessInterrupted(ctx, err)
	}
	if !serve {
		return nil
	}
	if err := demo.Practice(ctx, s); err != nil {
		return err
	}
	fmt.Printf("\nserving until Ctrl-C; traces at %s\n", s.Traces.HTTPURL())
	<-ctx.Done()
	return nil
}

func wanted(opts options) stack.Ports {
	if opts.freePorts {
		return stack.Ports{}
	}
	return stack.Fixed()
}

func config(dir string, scale float64, ports stack.Ports) stack.Config {
	midnight := time.Now().UTC().Truncate(24 * time.Hour)
	return stack.Config{
		Dir: dir, Scale: scale, Ports: ports, Logger: slog.New(slog.NewTextHandler(os.Stdout, nil)),
		WarehouseDB: filepath.Join(dir, "warehouse", fmt.Sprintf("scale-%g.duckdb", scale)),
		RestateTime: midnight, CreateTime: midnight.AddDate(0, 0, -30),
	}
}

func deliver(ctx context.Context, s *stack.Stack) error {
	d := &demo.Demo{
		Stack: s, Engagements: demo.Engagements(), Out: os.Stdout, Now: time.Now,
		Terminal: term.IsTerminal(int(os.Stdout.Fd())),
	}
	results, err := d.Run(ctx)
	if err != nil {
		return err
	}
	report, err := d.Report(results)
	if err != nil {
		return err
	}
	if err := report.Save(filepath.Join(s.Dir, "demo.json")); err != nil {
		return err
	}
	d.Print(os.Stdout, report, results)
	return nil
}

// lock makes sure that one demo at a time owns dir.
func lock(dir string) (func(), error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("making %s: %w", dir, err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lock: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("another `make demo` or `make up` is running in %s: end it first, or give --dir", dir)
	}
	return func() { _ = f.Close() }, nil
}

// clean removes what the last demo left, but keeps the generated warehouse.
func clean(dir string) error {
	for _, name := range []string{"config", "secrets", "nats", "s3", "spool", "traces", "demo.json"} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("removing the last demo's %s: %w", name, err)
		}
	}
	return nil
}
