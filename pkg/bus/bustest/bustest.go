// Package bustest runs a real NATS server with JetStream inside a test. It refuses to outlive the test, and it listens
// on loopback only. Start with Start.
package bustest

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Start runs a server that syncs every write, as production does, and returns its URL. The server stops with the test;
// connections are to be closed before.
func Start(t testing.TB) (url string) {
	t.Helper()
	s, err := server.NewServer(&server.Options{
		ServerName: "bustest", Host: "127.0.0.1", Port: server.RANDOM_PORT,
		JetStream: true, StoreDir: t.TempDir(), SyncAlways: true, JetStreamMaxStore: 1 << 30,
		NoLog: true, NoSigs: true,
	})
	if err != nil {
		t.Fatalf("configuring the NATS server: %v", err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the NATS server is not ready after 10 s")
	}
	return s.ClientURL()
}
