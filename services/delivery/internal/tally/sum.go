package tally

import (
	"encoding/binary"
	"math/big"
	"math/bits"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow/decimal128"
)

// sum is a whole number in two's complement, lowest word first. 192 bits hold the sum of 2^64 numbers of 38 digits.
type sum [3]uint64

func (s *sum) int64s(values []int64, stretches []stretch) {
	var low, high, carry uint64
	for _, of := range stretches {
		for _, v := range values[of.from:of.until] {
			low, carry = bits.Add64(low, uint64(v), 0)
			high += uint64(v>>63) + carry
		}
	}
	s.add(low, high, uint64(int64(high)>>63))
}

func (s *sum) decimals(values []decimal128.Num, stretches []stretch) {
	var low, middle, high, carry uint64
	for _, of := range stretches {
		for _, v := range values[of.from:of.until] {
			top := v.HighBits()
			low, carry = bits.Add64(low, v.LowBits(), 0)
			middle, carry = bits.Add64(middle, uint64(top), carry)
			high += uint64(top>>63) + carry
		}
	}
	s.add(low, middle, high)
}

func (s *sum) add(low, middle, high uint64) {
	var carry uint64
	s[0], carry = bits.Add64(s[0], low, 0)
	s[1], carry = bits.Add64(s[1], middle, carry)
	s[2], _ = bits.Add64(s[2], high, carry)
}

// spell writes it with so many digits behind the point.
func (s *sum) spell(scale int) string {
	var words []byte
	for _, word := range slices.Backward(s[:]) {
		words = binary.BigEndian.AppendUint64(words, word)
	}
	whole := new(big.Int).SetBytes(words)
	if s[2]>>63 == 1 {
		whole.Sub(whole, new(big.Int).Lsh(big.NewInt(1), 192))
	}
	digits := new(big.Int).Abs(whole).String()
	if scale > 0 {
		digits = strings.Repeat("0", max(0, scale+1-len(digits))) + digits
		digits = digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
	}
	if whole.Sign() < 0 {
		return "-" + digits
	}
	return digits
}
