package rpctest_test

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/customer-exports/exports/pkg/rpc/rpctest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo sends back what comes, and tells when a connection has ended.
func echo(t *testing.T) (addr string, ended <-chan struct{}) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	gone := make(chan struct{}, 9)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(conn, conn)
				_ = conn.Close()
				gone <- struct{}{}
			}()
		}
	}()
	return listener.Addr().String(), gone
}

func connect(t *testing.T, w *rpctest.Wire) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", w.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// exchange sends bytes and reads as many back.
func exchange(t *testing.T, conn net.Conn, sent []byte) {
	t.Helper()
	go func() { _, _ = conn.Write(sent) }()
	got := make([]byte, len(sent))
	if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, sent) {
		t.Errorf("error %v, or other bytes came back", err)
	}
}

func TestWireCarriesEveryByte(t *testing.T) {
	addr, _ := echo(t)
	w := rpctest.Lay(t, addr)
	sent := bytes.Repeat([]byte("0123456789"), 100_000)
	exchange(t, connect(t, w), sent)
	if w.Carried() != int64(len(sent)) {
		t.Errorf("%d bytes carried, %d sent", w.Carried(), len(sent))
	}
}

func TestWireCanBeSlow(t *testing.T) {
	addr, _ := echo(t)
	w := rpctest.Lay(t, addr)
	conn := connect(t, w)
	const rate, sent = 1 << 20, 256 << 10
	w.Slow(rate)
	begun := time.Now()
	exchange(t, conn, make([]byte, sent))
	// At least: how long a machine may take for more is not ours to say.
	if took, least := time.Since(begun), time.Second*sent/rate; took < least {
		t.Errorf("%d bytes took %s, want at least %s", sent, took, least)
	}
	w.Slow(0)
	exchange(t, conn, make([]byte, sent))
}

// A cut is seen at both ends, and the next connection is as good as new.
func TestWireCanBeCut(t *testing.T) {
	addr, ended := echo(t)
	w := rpctest.Lay(t, addr)
	conn := connect(t, w)
	exchange(t, conn, []byte("hello"))
	w.Cut()
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("the caller reads on")
	}
	<-ended
	exchange(t, connect(t, w), []byte("hello again"))
}

// A server that is not there is a connection that ends.
func TestWireToNowhere(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := rpctest.Lay(t, listener.Addr().String())
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := connect(t, w).Read(make([]byte, 1)); err == nil {
		t.Error("something answers")
	}
}
