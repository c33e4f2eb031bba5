package pages

import (
	"errors"
	"fmt"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding"
)

// Page is what a page of a column holds. It may not be kept.
type Page struct {
	Rows, Nulls int
	// Levels has a byte a row, 1 where the row has a value and 0 where it has none. It is nil where every row has one.
	Levels []byte
	// Values are those of the rows that have one, in order; or, where Indexes are there, the entries of the dictionary.
	Values encoding.Values
	// Indexes say which entry of the dictionary each row has that has a value. They are entries that are there.
	Indexes []int32
}

// Present is how many rows have a value.
func (p *Page) Present() int { return p.Rows - p.Nulls }

// Entry is where among Values that of the i-th row is that has one.
func (p *Page) Entry(i int) int {
	if p.Indexes == nil {
		return i
	}
	return int(p.Indexes[i])
}

// newPage holds what was decoded against itself: parquet-go believes levels, values and dictionary each on its own.
func newPage(decoded parquet.Page) (*Page, error) {
	p := &Page{Rows: int(decoded.NumRows()), Nulls: int(decoded.NumNulls()), Values: decoded.Data()}
	if p.Nulls > 0 {
		p.Levels = decoded.DefinitionLevels()
	}
	entries := decoded.Dictionary()
	if entries == nil {
		return p, p.holds(p.Values, p.Present())
	}
	p.Indexes, p.Values = p.Values.Int32(), entries.Page().Data()
	if len(p.Indexes) != p.Present() {
		return nil, fmt.Errorf("%d rows with a value have %d", p.Present(), len(p.Indexes))
	}
	return p, errors.Join(p.holds(p.Values, entries.Len()), within(p.Indexes, entries.Len()))
}

func within(indexes []int32, entries int) error {
	most := uint32(0)
	for _, index := range indexes {
		most = max(most, uint32(index)) // a negative one is large
	}
	if len(indexes) > 0 && int(most) >= entries {
		return fmt.Errorf("entry %d of a dictionary of %d is meant", most, entries)
	}
	return nil
}

// holds tells whether there are so many values.
func (p *Page) holds(values encoding.Values, n int) error {
	have, need := int(values.Size()), 0
	switch values.Kind() {
	case encoding.Boolean:
		need = (n + 7) / 8
	case encoding.Int32:
		need = 4 * n
	case encoding.Int64, encoding.Double:
		need = 8 * n
	case encoding.ByteArray:
		_, offsets := values.ByteArray()
		have, need = len(offsets), n+1
	case encoding.FixedLenByteArray:
		_, size := values.FixedLenByteArray()
		need = size * n
	default:
		return fmt.Errorf("values of type %s are none of ours", values.Kind())
	}
	if have != need && n > 0 {
		return fmt.Errorf("there is room for other values than the %d of the rows that have one", n)
	}
	return nil
}
