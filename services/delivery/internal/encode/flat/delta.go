package flat

import (
	"encoding/binary"
	"math/bits"
)

// Sizes of DELTA_BINARY_PACKED, as other writers have them too.
const (
	deltaBlock     = 128
	deltaMinis     = 4
	deltaMiniBlock = deltaBlock / deltaMinis
)

// integer is what columns of numbers hold.
type integer interface{ int32 | int64 }

// delta appends numbers as DELTA_BINARY_PACKED.
func delta[T integer](dst []byte, values []T) []byte {
	dst = binary.AppendUvarint(dst, deltaBlock)
	dst = binary.AppendUvarint(dst, deltaMinis)
	dst = binary.AppendUvarint(dst, uint64(len(values)))
	if len(values) == 0 {
		return binary.AppendVarint(dst, 0)
	}
	dst = binary.AppendVarint(dst, int64(values[0]))
	for from := 1; from < len(values); from += deltaBlock {
		dst = deltaOf(dst, values[from-1:min(from+deltaBlock, len(values))])
	}
	return dst
}

// deltaOf appends one block: the differences of neighbours, which wrap around like the numbers' type.
func deltaOf[T integer](dst []byte, values []T) []byte {
	var steps [deltaBlock]uint64
	n := len(values) - 1
	least := values[1] - values[0]
	for i, v := range values[1:] {
		step := v - values[i]
		least = min(least, step)
		steps[i] = uint64(step)
	}
	dst = binary.AppendVarint(dst, int64(least))
	widths := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	for mini := 0; mini*deltaMiniBlock < n; mini++ {
		from := mini * deltaMiniBlock
		block := (*[deltaMiniBlock]uint64)(steps[from:])
		width := above(block, min(n-from, deltaMiniBlock), uint64(least), mask[T]())
		dst[widths+mini] = byte(width)
		if width > 0 { // steps are all the same where texts have one length
			dst = pack64(dst, block[:], width)
		}
	}
	return dst
}

// above subtracts the least from the first n steps and returns how many bits the results need.
func above(steps *[deltaMiniBlock]uint64, n int, least, mask uint64) int {
	var all uint64
	for i := range steps[:n] {
		steps[i] = (steps[i] - least) & mask
		all |= steps[i]
	}
	return bits.Len64(all)
}

// mask has a one for each bit of the type.
func mask[T integer]() uint64 {
	if short[T]() {
		return 1<<32 - 1
	}
	return ^uint64(0)
}
