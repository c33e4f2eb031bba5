package convert

import "sync"

// shelf keeps the memory of one buffer of a column from batch to batch: what one batch is released of, the next one takes. It
// is safe for concurrent use, and gives what nobody takes to the garbage collector.
type shelf struct{ idle sync.Pool }

// shelves are those of a column.
type shelves struct{ bits, values, offsets shelf }

// take returns memory of length 0 with room for size bytes. What was in it is still there. New memory has an eighth more, so that
// it is large enough for the next chunk also.
func (s *shelf) take(size int) []byte {
	if idle, ok := s.idle.Get().(*[]byte); ok && cap(*idle) >= size {
		return (*idle)[:0]
	}
	return make([]byte, 0, size+size/8)
}

// Allocate is part of memory.Allocator, of which Arrow needs no more than Free.
func (s *shelf) Allocate(size int) []byte { return s.take(size)[:size] }

// Reallocate is part of memory.Allocator.
func (s *shelf) Reallocate(size int, b []byte) []byte { return append(s.take(size), b...)[:size] }

// Free takes memory back once the last record is released that lies in it.
func (s *shelf) Free(b []byte) {
	if spoil {
		for i := range b {
			b[i] = 0xEE
		}
	}
	s.idle.Put(&b)
}

// spoil has whoever reads a released record read nonsense, in tests.
var spoil bool
