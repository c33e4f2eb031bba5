// Command exports-local embeds the whole system in one process. `demo` delivers
// yesterday's drops of two customers and ends; `up` does the same and keeps
// serving until Ctrl-C. `make demo` and `make up` call it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "exports-local:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 || (args[0] != "demo" && args[0] != "up") {
		return fmt.Errorf("say what to do: exports-local demo, or exports-local up")
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	opts := options{serve: args[0] == "up"}
	flags.Float64Var(&opts.scale, "scale", 1, "scale factor; 1 is about a million transactions")
	flags.StringVar(&opts.dir, "dir", ".local", "folder that everything is written below")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if opts.scale <= 0 {
		return fmt.Errorf("SCALE=%v is not above 0: try SCALE=0.1 or SCALE=1", opts.scale)
	}
	return local(ctx, opts)
}
