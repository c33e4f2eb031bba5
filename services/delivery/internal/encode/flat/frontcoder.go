package flat

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// frontCoder leaves out what a text has in common with the one before, as DELTA_BYTE_ARRAY does. It is the memory for that.
type frontCoder struct {
	// Of each text: how many bytes it begins with of the one before, and how many are its own.
	common, own []int32
}

// encode appends texts of such lengths, which lie one after the other.
func (s *frontCoder) encode(dst, data []byte, lengths []int32) []byte {
	left := s.split(data, lengths)
	dst = delta(delta(dst, s.common), s.own)
	at := len(dst)
	dst = slices.Grow(dst, left+stepBytes)[:at+left+stepBytes]
	until := 0
	for i, own := range s.own {
		until += int(lengths[i])
		from := until - int(own)
		if own <= stepBytes && from+stepBytes <= len(data) { // in one step, the next one is written over what was too much
			*(*[stepBytes]byte)(dst[at:]) = [stepBytes]byte(data[from:])
		} else {
			copy(dst[at:], data[from:until])
		}
		at += int(own)
	}
	return dst[:at]
}

// stepBytes is what most texts have fewer bytes of their own than.
const stepBytes = 16

// split fills common and own, and returns how many bytes are left.
func (s *frontCoder) split(data []byte, lengths []int32) (left int) {
	s.common, s.own = s.common[:0], s.own[:0]
	before, from := int32(0), 0
	for _, length := range lengths {
		n := common(data, from-int(before), from, int(min(before, length)))
		s.common, s.own = append(s.common, int32(n)), append(s.own, length-int32(n))
		left += int(length) - n
		before, from = length, from+int(length)
	}
	return left
}

// common is how many of the first most bytes from a on are those from b on, which lie behind.
func common(data []byte, a, b, most int) int {
	n := 0
	for ; n < most && b+n+8 <= len(data); n += 8 {
		if differ := binary.LittleEndian.Uint64(data[a+n:]) ^ binary.LittleEndian.Uint64(data[b+n:]); differ != 0 {
			return min(most, n+bits.TrailingZeros64(differ)/8)
		}
	}
	for n < most && data[a+n] == data[b+n] {
		n++
	}
	return min(most, n)
}

// alike says whether at least half of the bytes of texts are those of the one before.
func alike(data []byte, lengths []int32) bool {
	var s frontCoder
	return 2*s.split(data, lengths) <= len(data)
}
