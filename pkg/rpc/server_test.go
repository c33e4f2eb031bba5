package rpc_test

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/customer-exports/exports/pkg/obs"
	"github.com/customer-exports/exports/pkg/rpc"
	slav1 "github.com/customer-exports/exports/proto/exports/sla/v1"
)

func TestPortInUseNamesTheSetting(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	tel, err := obs.Setup(t.Context(), obs.Config{}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	server := rpc.NewServer(tel)
	defer server.Close()
	err = server.Serve(t.Context(), taken.Addr().String())
	if err == nil || !strings.Contains(err.Error(), "setting listen") || strings.Contains(err.Error(), "\n") {
		t.Errorf("Serve() = %v, want one line that names the setting", err)
	}
}

func TestCallsUnderWayFinish(t *testing.T) {
	t.Parallel()
	tel, err := obs.Setup(t.Context(), obs.Config{}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	entered, release := make(chan struct{}), make(chan struct{})
	server := rpc.NewServer(tel)
	slav1.RegisterSlaServiceServer(server.Registrar(), &service{verdict: func(context.Context) error {
		close(entered)
		<-release
		return nil
	}})
	addr, err := server.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, "") }()
	conn, err := rpc.Dial(addr, tel)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answered := make(chan error, 1)
	go func() { answered <- (&bench{conn: conn}).get(t.Context()) }()
	<-entered
	stop()
	select {
	case err := <-served:
		t.Fatalf("Serve() = %v before the call under way ended", err)
	case <-time.After(50 * time.Millisecond):
	}
	close(release)
	if err := <-answered; err != nil {
		t.Errorf("the call under way = %v, want its answer", err)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve() = %v, want nil", err)
	}
}
