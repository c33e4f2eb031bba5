package flat

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// bounds are the least and the greatest of some values, spelled as plain values. Without values, or where engines do not
// agree on the order, there are none. A bound that is cut is not one of the values.
type bounds struct {
	known          bool
	min, max       []byte
	cutMin, cutMax bool
}

// maxBound is from how many bytes on a bound of a text is cut, as readers of the page index expect. A raised character may be longer
// than the one it was.
const maxBound = 64

// fold widens b by those of more values.
func (b *bounds) fold(more bounds, compare func(x, y []byte) int) {
	if !b.known {
		*b = more
		return
	}
	if compare(more.min, b.min) < 0 {
		b.min, b.cutMin = more.min, more.cutMin
	}
	if compare(more.max, b.max) > 0 {
		b.max, b.cutMax = more.max, more.cutMax
	}
}

// shorten copies the bounds of texts and cuts them: the lower one down, the upper one up, or away where there is no way up.
func shorten(low, high []byte, text bool) bounds {
	b := bounds{known: true, min: bytes.Clone(low), max: bytes.Clone(high)}
	if len(low) > maxBound {
		b.min, b.cutMin = prefix(low, text), true
	}
	if len(high) > maxBound {
		b.max, b.cutMax = next(prefix(high, text), text), true
		if len(b.max) == 0 {
			return bounds{}
		}
	}
	return b
}

// prefix is the longest of at most maxBound bytes that does not end within a character.
func prefix(v []byte, text bool) []byte {
	end := maxBound
	for text && end > 0 && !utf8.RuneStart(v[end]) {
		end--
	}
	return bytes.Clone(v[:end])
}

// next is the shortest of those of at most this length that are above everything that begins with v; empty if there is none.
func next(v []byte, text bool) []byte {
	for len(v) > 0 {
		size := 1
		if text {
			_, size = utf8.DecodeLastRune(v)
		}
		last := v[len(v)-size:]
		v = v[:len(v)-size]
		if raised := raise(last, text); raised != nil {
			return append(v, raised...)
		}
	}
	return nil
}

// raise returns the next byte or character, nil after the last.
func raise(last []byte, text bool) []byte {
	if !text {
		if last[0] == math.MaxUint8 {
			return nil
		}
		return []byte{last[0] + 1}
	}
	r, _ := utf8.DecodeRune(last)
	switch r {
	case utf8.MaxRune, utf8.RuneError:
		return nil
	case 0xD7FF: // what follows are halves of pairs, no characters
		r = 0xDFFF
	}
	return utf8.AppendRune(nil, r+1)
}

// compare returns the order of a column's plain values.
func (l leaf) compare() func(x, y []byte) int {
	switch l.kind {
	case typeInt32:
		return func(x, y []byte) int {
			return cmp.Compare(int32(binary.LittleEndian.Uint32(x)), int32(binary.LittleEndian.Uint32(y)))
		}
	case typeInt64:
		return func(x, y []byte) int {
			return cmp.Compare(int64(binary.LittleEndian.Uint64(x)), int64(binary.LittleEndian.Uint64(y)))
		}
	case typeDouble:
		return func(x, y []byte) int {
			return cmp.Compare(math.Float64frombits(binary.LittleEndian.Uint64(x)), math.Float64frombits(binary.LittleEndian.Uint64(y)))
		}
	case typeFixed:
		return signed
	default:
		return bytes.Compare
	}
}

// signed compares numbers in big-endian two's complement.
func signed(x, y []byte) int {
	if first := cmp.Compare(int8(x[0]), int8(y[0])); first != 0 {
		return first
	}
	return bytes.Compare(x, y)
}

// spell writes a number as a plain value.
func spell[T integer](v T) []byte {
	if _, short := any(v).(int32); short {
		return binary.LittleEndian.AppendUint32(nil, uint32(v))
	}
	return binary.LittleEndian.AppendUint64(nil, uint64(v))
}
