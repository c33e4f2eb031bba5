package obs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/pprof"
)

// profile writes a CPU profile to path until the returned function ends it; with path "" it does nothing. A process has
// one profiler, so in the local stack one service at most can have it.
func profile(path string) (stop func(context.Context) error, err error) {
	if path == "" {
		return func(context.Context) error { return nil }, nil
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the CPU profile (setting cpu_profile): %w", err)
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, errors.Join(fmt.Errorf("starting the CPU profile (setting cpu_profile): %w", err), file.Close())
	}
	return func(context.Context) error {
		pprof.StopCPUProfile()
		return file.Close()
	}, nil
}
