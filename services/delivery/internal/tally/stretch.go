package tally

import (
	"encoding/binary"
	"math/bits"

	"github.com/apache/arrow/go/v17/arrow"
)

// stretch is rows beside each other that have values.
type stretch struct{ from, until int }

// present appends the stretches of an array, as few as there are.
func present(to []stretch, a arrow.Array) []stretch {
	if a.NullN() == 0 {
		if a.Len() == 0 {
			return to
		}
		return append(to, stretch{0, a.Len()})
	}
	bitmap, offset := a.NullBitmapBytes(), a.Data().Offset()
	for row := 0; row < a.Len(); row += 64 {
		word := wordAt(bitmap, offset+row)
		if left := a.Len() - row; left < 64 {
			word &= 1<<left - 1
		}
		to = ones(to, word, row)
	}
	return to
}

// ones appends the stretches of a word; one that begins where the last one ends goes on.
func ones(to []stretch, word uint64, row int) []stretch {
	for at := 0; word != 0; {
		skip := bits.TrailingZeros64(word)
		word >>= skip
		length := bits.TrailingZeros64(^word)
		from := row + at + skip
		if last := len(to) - 1; last >= 0 && to[last].until == from {
			to[last].until += length
		} else {
			to = append(to, stretch{from, from + length})
		}
		at += skip + length
		word >>= length // all 64 leave nothing
	}
	return to
}

// wordAt reads the 64 bits that begin at a bit, zeros beyond the end.
func wordAt(bitmap []byte, bit int) uint64 {
	var room [9]byte
	bytes := bitmap[bit/8:]
	if len(bytes) < len(room) {
		copy(room[:], bytes)
		bytes = room[:]
	}
	word, shift := binary.LittleEndian.Uint64(bytes), bit%8
	if shift == 0 {
		return word
	}
	return word>>shift | uint64(bytes[8])<<(64-shift)
}
