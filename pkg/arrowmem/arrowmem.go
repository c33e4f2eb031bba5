// Package arrowmem owns the memory of record batches that live for a moment: what is freed is handed out again, which spares
// clearing it and collecting it. It is for those only who copy what they keep: nothing in it may be read once it is released,
// which tests find out with Spoiling. Start at New.
package arrowmem

import (
	"math/bits"
	"sync"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow/memory"
)

const (
	// smallest and largest are the sizes in bytes, as powers of two, that are used again. Larger ones are rare, and would be
	// kept for twice their size.
	smallest, largest = 10, 20
)

// Allocator is a memory.Allocator whose memory has any content. It is safe for concurrent use.
type Allocator struct {
	idle  [largest + 1]sync.Pool // of *byte, by size
	other memory.Allocator
	spoil bool
}

// New returns an allocator that has nothing yet.
func New() *Allocator { return &Allocator{other: memory.NewGoAllocator()} }

// Spoiling returns an allocator that overwrites what is freed, for tests.
func Spoiling() *Allocator { return &Allocator{other: memory.NewGoAllocator(), spoil: true} }

// Allocate returns size bytes, aligned as Arrow wants it.
func (a *Allocator) Allocate(size int) []byte {
	class := classOf(size)
	if class < smallest || class > largest {
		return a.other.Allocate(size)
	}
	if idle, ok := a.idle[class].Get().(*byte); ok {
		return unsafe.Slice(idle, 1<<class)[:size]
	}
	return a.other.Allocate(1 << class)[:size]
}

// Reallocate returns size bytes that begin as b does.
func (a *Allocator) Reallocate(size int, b []byte) []byte {
	if size <= cap(b) {
		return b[:size]
	}
	larger := a.Allocate(size)
	copy(larger, b)
	a.Free(b)
	return larger
}

// Free takes memory back.
func (a *Allocator) Free(b []byte) {
	if a.spoil {
		for i := range b {
			b[i] = 0xEE
		}
	}
	if class := classOf(cap(b)); class >= smallest && class <= largest && cap(b) == 1<<class {
		a.idle[class].Put(unsafe.SliceData(b[:1]))
	}
}

// classOf is the power of two that holds size bytes.
func classOf(size int) int { return bits.Len(uint(max(size, 1) - 1)) } //nolint:gosec // not negative
