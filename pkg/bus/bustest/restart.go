package bustest

import (
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Server is a server that a test can restart on its files.
type Server struct {
	t       testing.TB
	options *server.Options
	running *server.Server
}

// StartServer runs a server as Start does.
func StartServer(t testing.TB) *Server {
	t.Helper()
	s := &Server{t: t, options: &server.Options{
		ServerName: "bustest", Host: "127.0.0.1", Port: server.RANDOM_PORT,
		JetStream: true, StoreDir: t.TempDir(), SyncAlways: true, JetStreamMaxStore: 1 << 30,
		NoLog: true, NoSigs: true,
	}}
	s.start()
	t.Cleanup(s.stop)
	return s
}

// URL is where the server listens, also after a restart.
func (s *Server) URL() string { return s.running.ClientURL() }

// Restart stops the server and starts another on its port and the files that it left. Connections find it again.
func (s *Server) Restart() {
	s.t.Helper()
	s.stop()
	s.start()
}

func (s *Server) start() {
	s.t.Helper()
	running, err := server.NewServer(s.options.Clone())
	if err != nil {
		s.t.Fatalf("configuring the NATS server: %v", err)
	}
	running.Start()
	s.running = running
	if !running.ReadyForConnections(10 * time.Second) {
		s.t.Fatal("the NATS server is not ready after 10 s")
	}
	if at, ok := running.Addr().(*net.TCPAddr); ok {
		s.options.Port = at.Port
	}
}

func (s *Server) stop() {
	s.running.Shutdown()
	s.running.WaitForShutdown()
}
