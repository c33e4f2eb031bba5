package flat

import (
	"math/bits"
	"sync"
)

// pool keeps values for the next user.
type pool[T any] struct{ all sync.Pool }

func (p *pool[T]) get() *T {
	if v, ok := p.all.Get().(*T); ok {
		return v
	}
	return new(T)
}

func (p *pool[T]) put(v *T) { p.all.Put(v) }

// buffer is memory for the body of a page. Those of one class have about the same size, so that a small page does not keep
// the memory of a large one.
type buffer struct {
	bytes []byte
	class int
}

var classes [64]pool[buffer]

// keep copies pieces into one buffer.
func keep(pieces ...[]byte) *buffer {
	size := 0
	for _, p := range pieces {
		size += len(p)
	}
	class := bits.Len(uint(size))
	b := classes[class].get()
	if cap(b.bytes) < size {
		b.bytes, b.class = make([]byte, 0, 1<<class), class
	}
	b.bytes = b.bytes[:0]
	for _, p := range pieces {
		b.bytes = append(b.bytes, p...)
	}
	return b
}

func (b *buffer) free() { classes[b.class].put(b) }
