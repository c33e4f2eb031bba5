package flat

import (
	"encoding/binary"
	"math/bits"

	"github.com/apache/arrow/go/v17/arrow"
)

// bitmap reads bits that begin anywhere, lowest first, as Arrow and Parquet both have them.
type bitmap struct {
	bytes []byte
	from  int
}

// validity is the bitmap of an array; without nulls it has no bytes and may not be read.
func validity(a arrow.Array) bitmap {
	if a.NullN() == 0 {
		return bitmap{}
	}
	return bitmap{a.NullBitmapBytes(), a.Data().Offset()}
}

// word returns the n <= 64 bits from bit i on.
func (b bitmap) word(i, n int) uint64 {
	at := b.from + i
	first, shift := at/8, at%8
	var w uint64
	if first+8 <= len(b.bytes) {
		w = binary.LittleEndian.Uint64(b.bytes[first:]) >> shift
	} else {
		w = tail(b.bytes[first:]) >> shift
	}
	if shift+n > 64 {
		w |= uint64(b.bytes[first+8]) << (64 - shift)
	}
	return w & lowest(n)
}

func tail(bytes []byte) (w uint64) {
	for i, b := range bytes {
		w |= uint64(b) << (8 * i)
	}
	return w
}

func lowest(n int) uint64 { return ^uint64(0) >> (64 - n) }

// next returns the first stretch of ones in [from, until); start is until when there is none.
func (b bitmap) next(from, until int) (start, end int) {
	start = b.find(from, until, 0)
	return start, b.find(start, until, ^uint64(0))
}

// find returns the first bit that differs from those of skip.
func (b bitmap) find(from, until int, skip uint64) int {
	for from < until {
		n := min(64, until-from)
		if w := (b.word(from, n) ^ skip) & lowest(n); w != 0 {
			return from + bits.TrailingZeros64(w)
		}
		from += n
	}
	return until
}

// bitBuffer gathers bits.
type bitBuffer struct {
	bytes []byte
	last  uint64 // the bits that do not fill a word yet
	fill  int
}

// put adds the n <= 64 lowest bits of w, above which there must be none.
func (b *bitBuffer) put(w uint64, n int) {
	b.last |= w << b.fill
	if b.fill+n < 64 {
		b.fill += n
		return
	}
	b.bytes = binary.LittleEndian.AppendUint64(b.bytes, b.last)
	b.last = w >> (64 - b.fill)
	b.fill += n - 64
}

// copy adds the bits [from, until) and returns how many are ones.
func (b *bitBuffer) copy(source bitmap, from, until int) (ones int) {
	for from < until {
		n := min(64, until-from)
		w := source.word(from, n)
		ones += bits.OnesCount64(w)
		b.put(w, n)
		from += n
	}
	return ones
}

// ones adds n ones.
func (b *bitBuffer) ones(n int) {
	for ; n > 64; n -= 64 {
		b.put(^uint64(0), 64)
	}
	if n > 0 {
		b.put(lowest(n), n)
	}
}

func (b *bitBuffer) len() int { return 8*len(b.bytes) + b.fill }

// appendTo adds the bits, filled up with zeros to a whole byte.
func (b *bitBuffer) appendTo(dst []byte) []byte {
	dst = append(dst, b.bytes...)
	for shift := 0; shift < b.fill; shift += 8 {
		dst = append(dst, byte(b.last>>shift))
	}
	return dst
}

func (b *bitBuffer) reset() { b.bytes, b.last, b.fill = b.bytes[:0], 0, 0 }
