package arrowmem_test

import (
	"testing"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/customer-exports/exports/pkg/arrowmem"
)

var _ memory.Allocator = (*arrowmem.Allocator)(nil)

func TestMemoryIsAlignedAndAsLongAsAskedFor(t *testing.T) {
	t.Parallel()
	a := arrowmem.New()
	for _, size := range []int{0, 1, 63, 1024, 1025, 4096, 100_000, 1 << 20, 1<<20 + 1, 3 << 20} {
		for range 3 { // new, and then used again
			b := a.Allocate(size)
			if len(b) != size {
				t.Errorf("Allocate(%d) has %d bytes", size, len(b))
			}
			if at := uintptr(unsafe.Pointer(unsafe.SliceData(b))); size > 0 && at%64 != 0 {
				t.Errorf("Allocate(%d) begins at %#x, which is not a multiple of 64", size, at)
			}
			for i := range b {
				b[i] = byte(i)
			}
			a.Free(b)
		}
	}
}

func TestReallocateKeepsWhatWasThere(t *testing.T) {
	t.Parallel()
	a := arrowmem.New()
	b := a.Allocate(2000)
	for i := range b {
		b[i] = byte(i)
	}
	for _, size := range []int{2001, 500, 5000, 2 << 20, 10} {
		kept := min(size, len(b))
		b = a.Reallocate(size, b)
		if len(b) != size {
			t.Fatalf("Reallocate(%d) has %d bytes", size, len(b))
		}
		for i := range min(kept, 500) {
			if b[i] != byte(i) {
				t.Fatalf("Reallocate(%d): byte %d is %d", size, i, b[i])
			}
		}
	}
}

func TestTwoNeverHoldTheSameMemory(t *testing.T) {
	t.Parallel()
	a := arrowmem.New()
	a.Free(a.Allocate(4096))
	one, other := a.Allocate(4096), a.Allocate(4000)
	if unsafe.SliceData(one) == unsafe.SliceData(other) {
		t.Error("two allocations share their memory")
	}
}

func TestSpoilingOverwritesWhatIsFreed(t *testing.T) {
	t.Parallel()
	a := arrowmem.Spoiling()
	b := a.Allocate(2000)
	b[7] = 1
	a.Free(b)
	if b[7] != 0xEE {
		t.Errorf("freed memory holds %#x", b[7])
	}
}
