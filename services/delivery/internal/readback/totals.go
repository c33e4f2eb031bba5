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

// sum adds unscaled numbers up.
type sum struct {
	low, high uint64  // of numbers up to 18 digits, in 128 bits
	wide      big.Int // of those with more
}

func (s *sum) short(v int64) {
	var carry uint64
	s.low, carry = bits.Add64(s.low, uint64(v), 0)
	s.high, _ = bits.Add64(s.high, uint64(v>>63), carry)
}

func (s *sum) spell(scale int) string {
	total := new(big.Int).SetInt64(int64(s.high))
	total.Lsh(total, 64)
	total.Add(total, new(big.Int).SetUint64(s.low))
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
