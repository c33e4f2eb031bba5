package readback

import (
	"math/big"
	"math/bits"
	"strings"

	"github.com/customer-exports/exports/pkg/dictionary"
)

// Totals adds up what the files of a table hold. It is not safe for concurrent use.
type Totals struct {
	columns []Column
	nulls   []int64
	untold  []bool
	sums    []big.Int
}

// NewTotals begins with no file.
func NewTotals(columns []Column) *Totals {
	return &Totals{columns: columns, nulls: make([]int64, len(columns)), untold: make([]bool, len(columns)), sums: make([]big.Int, len(columns))}
}

// Add adds what Check returned of one file.
func (t *Totals) Add(counts []Count) {
	for i, c := range counts {
		if t.nulls[i] += c.Nulls; c.Nulls == Untold {
			t.untold[i] = true
		}
		if unscaled, ok := new(big.Int).SetString(strings.Replace(c.Sum, ".", "", 1), 10); ok {
			t.sums[i].Add(&t.sums[i], unscaled)
		}
	}
}

// Of is what all files hold in a column: its nulls, or Untold, and a sum that is empty unless the column is a NUMBER.
func (t *Totals) Of(column int) (nulls int64, sum string) {
	if kind := t.columns[column].Type; kind.Kind == dictionary.KindNumber {
		sum = decimal(&t.sums[column], kind.Scale)
	}
	if t.untold[column] {
		return Untold, sum
	}
	return t.nulls[column], sum
}

// sum adds unscaled numbers up: in two's complement, lowest word first, which hold 2^64 numbers of 38 digits.
type sum struct {
	low, middle, high uint64
	wide              big.Int // of those that were read as text and have more than 18 digits
}

func (s *sum) short(v int64) { s.add(uint64(v), uint64(v>>63)) }

// add adds a number of two words.
func (s *sum) add(low, middle uint64) {
	var carry uint64
	s.low, carry = bits.Add64(s.low, low, 0)
	s.middle, carry = bits.Add64(s.middle, middle, carry)
	s.high += uint64(int64(middle)>>63) + carry
}

func (s *sum) spell(scale int) string {
	total := new(big.Int).SetInt64(int64(s.high))
	for _, word := range []uint64{s.middle, s.low} {
		total.Lsh(total, 64)
		total.Add(total, new(big.Int).SetUint64(word))
	}
	return decimal(total.Add(total, &s.wide), scale)
}

// decimal spells an unscaled number with all digits of its scale.
func decimal(unscaled *big.Int, scale int) string {
	text := new(big.Int).Abs(unscaled).String()
	if scale > 0 {
		text = strings.Repeat("0", max(0, scale+1-len(text))) + text
		text = text[:len(text)-scale] + "." + text[len(text)-scale:]
	}
	if unscaled.Sign() < 0 {
		return "-" + text
	}
	return text
}
