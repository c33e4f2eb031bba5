package app

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/customer-exports/exports/pkg/bus/bustest"
	"github.com/customer-exports/exports/pkg/conf"
	"github.com/customer-exports/exports/pkg/obs"
	"github.com/customer-exports/exports/pkg/rpc"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

// TestCapsAreReadAgainOnEachTick edits the config file of a planner with nine runs that wait, while no worker is there.
func TestCapsAreReadAgainOnEachTick(t *testing.T) {
	path := filepath.Join(t.TempDir(), "planner.yaml")
	write := func(caps string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(caps), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	load := func() (Config, error) { return conf.Load[Config](path, "EXPORTS_PLANNER_TEST") }
	write("caps: {statements: 2}")
	planner, log := idle(t, load)
	for _, step := range []struct {
		name, file string
		queued     int
		logged     string // once, or nothing
	}{
		{"as it began", "caps: {statements: 2}", 2, ""},
		{"raised", "caps: {statements: 5}", 5, "caps changed"},
		{"not YAML", "caps: [", 5, "settings cannot be used, caps stay as they were"},
		{"a cap of none", "caps: {statements: 0}", 5, "caps.statements must be above 0"},
		{"mended", "caps: {statements: 7}", 7, "caps changed"},
		{"lowered", "caps: {statements: 1}", 7, "caps changed"},
		{"raised again", "caps: {statements: 9}", 9, "caps changed"},
	} {
		t.Run(step.name, func(t *testing.T) {
			write(step.file)
			log.Reset()
			for range 3 {
				if err := planner.planner.Tick(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			backlog, err := planner.bus.Backlog(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if len(backlog.Tasks) != step.queued {
				t.Errorf("%d tasks are queued, want %d", len(backlog.Tasks), step.queued)
			}
			lines := strings.Count(log.String(), "\n")
			if !strings.Contains(log.String(), step.logged) || step.logged == "" && lines != 0 || step.logged != "" && lines != 1 {
				t.Errorf("logged %q, want one line with %q", log, step.logged)
			}
		})
	}
}

// idle is a planner that only ticks when it is told to, with nine customers due, and its log about rules.
func idle(t *testing.T, load func() (Config, error)) (*App, *bytes.Buffer) {
	t.Helper()
	tel, err := obs.Setup(t.Context(), obs.Config{Service: "test", LogLevel: "error"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	peer := rpc.NewServer(tel)
	configv1.RegisterConfigServiceServer(peer.Registrar(), memConfig{exports: small(9)})
	cfg, err := load()
	if err != nil {
		t.Fatal(err)
	}
	cfg.Listen, cfg.NATS.URL, cfg.Telemetry.LogLevel = "127.0.0.1:0", bustest.Start(t), "error"
	if cfg.ConfigAddress, err = peer.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	background(t, func(ctx context.Context) error { return peer.Serve(ctx, "") })
	planner, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := planner.close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	})
	log := &bytes.Buffer{}
	planner.rules.log = slog.New(slog.NewTextHandler(log, nil))
	planner.Reload(load)
	return planner, log
}
