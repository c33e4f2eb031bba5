// Command exports-local embeds the whole system in one process. `demo` delivers
// yesterday's drops of two customers and ends; `up` does the same and keeps
// serving until Ctrl-C. `make demo` and `make up` call it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// usage is what --help prints; every error of the command line names a part of it.
const usage = `exports-local demo   delivers yesterday's drops of two customers, and ends
exports-local up     does the same, and serves on until Ctrl-C

  --dir .local     folder that everything is written below
  --scale 1        how much data there is; 1 is about a million transactions
  --free-ports     listen on free ports instead of 7400 to 7490
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second Ctrl-C ends the process at once: work under way is given some seconds to finish.
	context.AfterFunc(ctx, stop)
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "exports-local:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	opts, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		_, err := io.WriteString(os.Stdout, usage)
		return err
	}
	if err != nil {
		return err
	}
	return local(ctx, opts)
}

// parse reads the command line.
func parse(args []string) (options, error) {
	if len(args) > 0 && (args[0] == "help" || args[0] == "--help" || args[0] == "-h") {
		return options{}, flag.ErrHelp
	}
	if len(args) == 0 || (args[0] != "demo" && args[0] != "up") {
		return options{}, errors.New("say what to do: exports-local demo, or exports-local up")
	}
	opts := options{serve: args[0] == "up"}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the error says it in one line
	flags.Float64Var(&opts.scale, "scale", 1, "")
	flags.StringVar(&opts.dir, "dir", ".local", "")
	flags.BoolVar(&opts.freePorts, "free-ports", false, "")
	if err := flags.Parse(args[1:]); err != nil {
		return options{}, fmt.Errorf("%w: there are --dir, --scale and --free-ports", err)
	}
	switch {
	case flags.NArg() > 0:
		return options{}, fmt.Errorf("%q is one too many: exports-local %s takes only --dir, --scale and --free-ports", flags.Arg(0), args[0])
	case !(opts.scale > 0 && opts.scale <= maxScale):
		return options{}, fmt.Errorf("SCALE=%v is not above 0 and at most %d: try SCALE=0.1 or SCALE=1", opts.scale, maxScale)
	case opts.dir == "":
		return options{}, errors.New("--dir is empty: name a folder, such as .local")
	}
	return opts, nil
}
