package rpc

import (
	"bytes"
	"sync/atomic"

	"google.golang.org/grpc/mem"
)

// loan counts the pieces that gRPC has not given back. It is a mem.BufferPool because that is how gRPC gives back.
type loan struct {
	out  atomic.Int64
	done func()
}

// lend lets gRPC read pieces without copying them, and calls done when it is through with all. Short ones it never gives back,
// so they are copied.
func lend(pieces [][]byte, done func()) mem.BufferSlice {
	l := &loan{done: done}
	l.out.Store(1)
	defer l.Put(nil)
	lent := make(mem.BufferSlice, 0, len(pieces))
	for _, piece := range pieces {
		if mem.IsBelowBufferPoolingThreshold(cap(piece)) {
			lent = append(lent, mem.SliceBuffer(bytes.Clone(piece)))
			continue
		}
		l.out.Add(1)
		lent = append(lent, mem.NewBuffer(&piece, l))
	}
	return lent
}

// Get is never called: nothing is had from a loan.
func (l *loan) Get(length int) *[]byte { return new(make([]byte, length)) }

// Put takes a piece back.
func (l *loan) Put(*[]byte) {
	if l.out.Add(-1) == 0 {
		l.done()
	}
}
