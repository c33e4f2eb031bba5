// Package rpctest lays a wire between a caller and a server, which a test can slow down and cut. It knows bytes only, so
// that what it shows is what a bad network shows. It listens on loopback only. Start with Lay.
package rpctest

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Bytes that a wire takes in at once, and that it lets the kernel hold: few, so that the caller feels a slow wire soon.
const (
	gulp = 16 << 10
	held = 64 << 10
)

// Wire passes what callers of Addr send on to a server, and back. Its methods are safe for concurrent use.
type Wire struct {
	to       string
	listener net.Listener
	rate     atomic.Int64 // bytes per second that a caller's bytes go on at; 0 is as fast as can be
	carried  atomic.Int64
	pairs    sync.WaitGroup
	closed   context.Context // what waits for a slow wire ends with it

	mu    sync.Mutex
	ends  map[net.Conn]bool
	ended bool
}

// Lay returns a wire to a server, which need not be there yet. It ends with the test.
func Lay(t testing.TB, to string) *Wire {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &Wire{to: to, listener: listener, ends: map[net.Conn]bool{}}
	closed, end := context.WithCancel(context.Background())
	w.closed = closed
	w.pairs.Go(w.accept)
	t.Cleanup(func() {
		end()
		_ = listener.Close()
		w.mu.Lock()
		w.ended = true
		w.mu.Unlock()
		w.Cut()
		w.pairs.Wait()
	})
	return w
}

// Addr is where callers connect to.
func (w *Wire) Addr() string { return w.listener.Addr().String() }

// Slow lets each caller send so many bytes a second from now on; 0 is as fast as can be.
func (w *Wire) Slow(rate int64) { w.rate.Store(rate) }

// Carried is how many bytes callers have sent to the server.
func (w *Wire) Carried() int64 { return w.carried.Load() }

// Cut breaks every connection. New ones are taken.
func (w *Wire) Cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for end := range w.ends {
		_ = end.Close()
	}
	clear(w.ends)
}

func (w *Wire) accept() {
	for {
		caller, err := w.listener.Accept()
		if err != nil {
			return
		}
		w.pairs.Go(func() { w.join(caller) })
	}
}

// join carries bytes both ways until either end is gone.
func (w *Wire) join(caller net.Conn) {
	server, err := (&net.Dialer{}).DialContext(w.closed, "tcp", w.to)
	if err != nil {
		_ = caller.Close()
		return
	}
	if tcp, ok := caller.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(held) // a wish, which only makes the test sharper
	}
	if !w.keep(caller, server) {
		return
	}
	w.pairs.Go(func() {
		carry(caller, server, func(int) bool { return true })
	})
	carry(server, caller, w.pass)
}

// keep notes both ends for Cut. It closes them when the test is over.
func (w *Wire) keep(ends ...net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, end := range ends {
		if w.ended {
			_ = end.Close()
			continue
		}
		w.ends[end] = true
	}
	return !w.ended
}

// pass counts bytes, and waits as long as they take.
func (w *Wire) pass(n int) bool {
	w.carried.Add(int64(n))
	rate := w.rate.Load()
	if rate == 0 {
		return true
	}
	timer := time.NewTimer(time.Duration(n) * time.Second / time.Duration(rate))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-w.closed.Done():
		return false
	}
}

// carry copies until an end is gone, and then closes both: half a connection is no use to gRPC.
func carry(to, from net.Conn, pass func(n int) bool) {
	defer func() { _, _ = to.Close(), from.Close() }()
	buffer := make([]byte, gulp)
	for {
		n, err := from.Read(buffer)
		if n > 0 && pass(n) {
			_, lost := to.Write(buffer[:n])
			if lost != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
