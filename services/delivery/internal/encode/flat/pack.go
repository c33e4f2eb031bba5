package flat

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// pack32 appends values of so many bits each, lowest first, up to a whole byte.
func pack32(dst []byte, values []uint32, width int) []byte {
	at := len(dst)
	size := (len(values)*width + 7) / 8
	dst = slices.Grow(dst, size+4)[:at+size+4] // a whole word may be written at the end
	var word uint64
	fill := 0
	for _, v := range values {
		word |= uint64(v) << fill
		if fill += width; fill >= 32 {
			binary.LittleEndian.PutUint32(dst[at:], uint32(word))
			at, word, fill = at+4, word>>32, fill-32
		}
	}
	binary.LittleEndian.PutUint32(dst[at:], uint32(word))
	return dst[:at+(fill+7)/8]
}

// pack64 is pack32 for values of up to 64 bits, of which there are a multiple of 8.
func pack64(dst []byte, values []uint64, width int) []byte {
	at := len(dst)
	size := len(values) * width / 8
	dst = slices.Grow(dst, size+8)[:at+size+8]
	var word uint64
	fill := 0
	for _, v := range values {
		word |= v << fill
		if fill += width; fill >= 64 {
			binary.LittleEndian.PutUint64(dst[at:], word)
			at, fill = at+8, fill-64
			word = v >> (width - fill)
		}
	}
	binary.LittleEndian.PutUint64(dst[at:], word)
	return dst[:at+fill/8]
}

// hybrid appends indexes in the RLE and bit-packing hybrid: long runs once, everything else packed in groups of eight.
func hybrid(dst []byte, values []uint32, width int) []byte {
	packed := 0 // values from here on wait to be packed
	for i := 0; i+minRun <= len(values); {
		if values[i] != values[i+minRun-1] { // which nearly always settles it
			i++
			continue
		}
		run := runLength(values[i:])
		if spare := (i - packed) % 8; spare != 0 { // packed groups are of eight
			need := min(8-spare, run)
			i, run = i+need, run-need
		}
		if run < minRun {
			i += run
			continue
		}
		dst = appendPacked(dst, values[packed:i], width)
		dst = appendRun(dst, values[i], run, width)
		i += run
		packed = i
	}
	return appendPacked(dst, values[packed:], width)
}

// minRun is the shortest that is worth its header and the one of what follows.
const minRun = 24

func runLength(values []uint32) int {
	n := 1
	for n < len(values) && values[n] == values[0] {
		n++
	}
	return n
}

func appendRun(dst []byte, value uint32, run, width int) []byte {
	dst = binary.AppendUvarint(dst, uint64(run)<<1)
	for ; width > 0; width -= 8 {
		dst = append(dst, byte(value))
		value >>= 8
	}
	return dst
}

func appendPacked(dst []byte, values []uint32, width int) []byte {
	if len(values) == 0 {
		return dst
	}
	groups := (len(values) + 7) / 8
	dst = binary.AppendUvarint(dst, uint64(groups)<<1|1)
	from := len(dst)
	dst = pack32(dst, values, width)
	return append(dst, make([]byte, from+groups*width-len(dst))...)
}

// levels appends definition levels: ones where there is a value.
func levels(dst []byte, b *bitBuffer, nulls int) []byte {
	switch rows := b.len(); nulls {
	case 0:
		return appendRun(dst, 1, rows, 1)
	case rows:
		return appendRun(dst, 0, rows, 1)
	}
	return packedBits(dst, b)
}

func packedBits(dst []byte, b *bitBuffer) []byte {
	return b.appendTo(binary.AppendUvarint(dst, uint64((b.len()+7)/8)<<1|1))
}

func widthOf(most uint32) int { return bits.Len32(most) }
