package stack_test

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/customer-exports/exports/deploy/local/stack"
)

// TestMain proves that a stack leaves nothing running, whether it starts or not.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// The S3 server's HTTP library has a sweeper that sleeps on for ten seconds and then sees that it was stopped,
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		// and a clock for the whole process, which never stops.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"))
}

// TestTakenPort gives each part in turn a port that another program holds.
func TestTakenPort(t *testing.T) {
	held, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = held.Close() }()
	port := held.Addr().(*net.TCPAddr).Port
	for owner, ports := range map[string]stack.Ports{
		"trace page": {Traces: port}, "trace receiver": {OTLP: port}, "config service": {Config: port}, "planner": {Planner: port},
		"extractor": {Extractor: port}, "delivery service": {Delivery: port}, "SLA monitor": {Monitor: port},
		"NATS server": {NATS: port}, "S3 server": {S3: port}, "local warehouse": {Warehouse: port},
	} {
		t.Run(owner, func(t *testing.T) {
			dir := t.TempDir()
			before := filepath.Join(dir, "before")
			if err := os.WriteFile(before, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := stack.Start(t.Context(), config(dir, ports))
			want := fmt.Sprintf("port %d for the %s is in use: end the program that holds it", port, owner)
			if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want one line that begins with %q", err, want)
			}
			if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) != 1 || left[0] != before {
				t.Errorf("%q is there (%v), want only what was there before", left, err)
			}
		})
	}
}

// TestCloseFreesEverything starts a stack twice with the same ports.
func TestCloseFreesEverything(t *testing.T) {
	dir, ports := t.TempDir(), stack.Ports{}
	for range 2 {
		s, err := stack.Start(t.Context(), config(dir, ports))
		if err != nil {
			t.Fatal(err)
		}
		ports = s.Ports
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func config(dir string, ports stack.Ports) stack.Config {
	return stack.Config{
		Dir: dir, Ports: ports, Scale: 0.001, CreateTime: time.Now().UTC().Truncate(24 * time.Hour),
		WarehouseDB: filepath.Join(dir, "warehouse.duckdb"), Logger: slog.New(slog.DiscardHandler),
	}
}
