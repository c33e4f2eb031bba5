package gunzip

import "math/bits"

// An entry of a decoding table says what the code in front of it means:
//
//	bits 0-4    bits to use: of the code, and of the extra bits that follow it
//	bits 8-11   bits of the code alone
//	bit  12     of an other: the end of the block
//	bit  13     of a literal: there are two; of an other: no such code
//	bit  14     other: a longer code, the end of the block, or no code at all
//	bit  15     literal
//	bits 16-31  base of the length or distance; first, and in the high byte second, literal;
//	            of a longer code the place of its table, and in bits 8-11 the bits that choose within it
type entry uint32

const (
	useMask   = 1<<5 - 1
	codeShift = 8
	codeMask  = 1<<4 - 1
	twoShift  = 13
	two       = entry(1 << twoShift)
	other     = entry(1 << 14)
	literal   = entry(1 << 15)
	baseShift = 16

	endOfBlock = other | 1<<12
	noCode     = other | two
)

const (
	endSymbol    = 256
	literalCodes = 286 // literals, the end of the block, lengths
	distanceCode = 30
)

// lengthBase and the others are the tables of RFC 1951, section 3.2.5: what a symbol stands for, and how many
// bits follow that are added to it.
var (
	lengthBase = [29]uint16{
		3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
	}
	lengthExtra  = [29]uint8{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
	distanceBase = [distanceCode]uint16{
		1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769,
		1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577,
	}
	distanceExtra = [distanceCode]uint8{
		0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
	}
)

// ofLiteral is the meaning of a symbol of the first code, without the bits to use.
func ofLiteral(symbol int) (meaning entry, extra uint8) {
	switch {
	case symbol < endSymbol:
		return literal | entry(symbol)<<baseShift, 0
	case symbol == endSymbol:
		return endOfBlock, 0
	case symbol < literalCodes:
		return entry(lengthBase[symbol-endSymbol-1]) << baseShift, lengthExtra[symbol-endSymbol-1]
	}
	return noCode, 0
}

// ofDistance is the meaning of a symbol of the second code, without the bits to use.
func ofDistance(symbol int) (meaning entry, extra uint8) {
	if symbol >= distanceCode {
		return noCode, 0
	}
	return entry(distanceBase[symbol]) << baseShift, distanceExtra[symbol]
}

// used completes a meaning with the bits to use of the code, and of the extra bits.
func used(meaning entry, code, extra uint8) entry {
	return meaning | entry(code)<<codeShift | entry(code+extra)
}

// reversed turns a code around: the stream has its first bit lowest.
func reversed(code uint16, length uint8) uint16 {
	return bits.Reverse16(code) >> (16 - length)
}
