package readback

import (
	"math/big"
	"strings"

	"github.com/customer-exports/exports/pkg/dictionary"
)

// Totals adds up what the files of a table hold. It is not safe for concurrent use.
type Totals struct {
	columns []Column
	nulls   []int64
	sums    []big.Int
}

// NewTotals begins with no file.
func NewTotals(columns []Column) *Totals {
	return &Totals{columns: columns, nulls: make([]int64, len(columns)), sums: make([]big.Int, len(columns))}
}

// Add adds what Check returned of one file.
func (t *Totals) Add(counts []Count) {
	for i, c := range counts {
		t.nulls[i] += c.Nulls
		if unscaled, ok := new(big.Int).SetString(strings.Replace(c.Sum, ".", "", 1), 10); ok {
			t.sums[i].Add(&t.sums[i], unscaled)
		}
	}
}

// Of is what all files hold in a column. The sum is empty unless the column is a NUMBER.
func (t *Totals) Of(column int) (nulls int64, sum string) {
	if kind := t.columns[column].Type; kind.Kind == dictionary.KindNumber {
		sum = decimal(&t.sums[column], kind.Scale)
	}
	return t.nulls[column], sum
}
