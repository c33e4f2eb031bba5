package app

import (
	"context"
	"log/slog"
	"sync"

	"github.com/customer-exports/exports/pkg/obs"
	"github.com/customer-exports/exports/services/planner/internal/dispatch"
)

// rules are those in force.
type rules struct {
	load func() (Config, error) // nil: they never change

	mu      sync.Mutex
	inForce dispatch.Rules
	fault   string
	log     *slog.Logger
}

// now reads the settings again. Those that cannot be used are told once and change nothing.
func (r *rules) now(ctx context.Context) dispatch.Rules {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.load == nil {
		return r.inForce
	}
	cfg, err := r.load()
	if err != nil {
		if r.fault != err.Error() {
			r.fault = err.Error()
			r.log.WarnContext(ctx, "settings cannot be used, caps stay as they were", obs.KeyError, err)
		}
		return r.inForce
	}
	if next := cfg.rules(); next != r.inForce {
		r.log.InfoContext(ctx, "caps changed", obs.KeyRules, next)
		r.inForce = next
	}
	r.fault = ""
	return r.inForce
}
