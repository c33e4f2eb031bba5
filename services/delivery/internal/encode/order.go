package encode

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/customer-exports/exports/pkg/dictionary"
)

// order finds out by which columns the rows of a row group ascend: the primary key, or else the split column. It is found and
// never assumed, because the source promises no order, and a reader that trusts a wrong one loses rows.
type order struct {
	candidates []*candidate
}

// candidate is a list of columns by which rows may ascend.
type candidate struct {
	columns []int
	last    []arrow.Array // the last row, copied; nil before the first
	broken  bool
}

func newOrder(l *dictionary.Layout) *order {
	o := &order{}
	for _, names := range [][]string{l.Table.PrimaryKey, {l.Table.Split}} {
		if columns := indexes(l, names); columns != nil {
			o.candidates = append(o.candidates, &candidate{columns: columns})
		}
	}
	return o
}

// take looks at further rows.
func (o *order) take(rows arrow.Record) error {
	for _, c := range o.candidates {
		if err := c.take(rows); err != nil {
			return err
		}
	}
	return nil
}

// end returns the columns, none when rows do not ascend, and begins another row group.
func (o *order) end() (sorted []int) {
	for _, c := range o.candidates {
		if sorted == nil && !c.broken && c.last != nil {
			sorted = c.columns
		}
		c.last, c.broken = nil, false
	}
	return sorted
}

// indexes of named columns; nil when one does not land.
func indexes(l *dictionary.Layout, names []string) []int {
	var found []int
	for _, name := range names {
		for i, f := range l.Fields[:l.Exported] {
			if f.Name == name {
				found = append(found, i)
			}
		}
	}
	if len(found) != len(names) {
		return nil
	}
	return found
}

func (c *candidate) take(rows arrow.Record) error {
	if c.broken || rows.NumRows() == 0 {
		return nil
	}
	columns := make([]arrow.Array, len(c.columns))
	for i, column := range c.columns {
		columns[i] = rows.Column(column)
	}
	if c.broken = !c.ascends(columns, int(rows.NumRows())); c.broken {
		return nil
	}
	return c.remember(columns)
}

func (c *candidate) ascends(columns []arrow.Array, rows int) bool {
	if c.last != nil && !ascends(c.last, 0, columns, 0) {
		return false
	}
	if len(columns) == 1 {
		if falls, known := falls(columns[0]); known {
			return !falls
		}
	}
	for row := range rows - 1 {
		if !ascends(columns, row, columns, row+1) {
			return false
		}
	}
	return true
}

// falls says whether there is a null in a column or a value below the one before, for the types that rows are split by.
func falls(a arrow.Array) (falls, known bool) {
	switch v := a.(type) {
	case *array.Int64:
		falls, known = !slices.IsSorted(v.Int64Values()), true
	case *array.Date32:
		falls, known = !slices.IsSorted(v.Date32Values()), true
	case *array.Timestamp:
		falls, known = !slices.IsSorted(v.TimestampValues()), true
	}
	return falls || a.NullN() > 0, known
}

// remember copies the last row: its batch may be gone when the next one comes.
func (c *candidate) remember(columns []arrow.Array) error {
	c.last = make([]arrow.Array, len(columns))
	for i, column := range columns {
		slice := array.NewSlice(column, int64(column.Len()-1), int64(column.Len()))
		copied, err := array.Concatenate([]arrow.Array{slice}, memory.DefaultAllocator)
		slice.Release()
		if err != nil {
			return err
		}
		c.last[i] = copied
	}
	return nil
}

func ascends(a []arrow.Array, i int, b []arrow.Array, j int) bool {
	for c, left := range a {
		right := b[c]
		if left.IsNull(i) || right.IsNull(j) {
			return false
		}
		order, known := compare(left, i, right, j)
		if !known || order > 0 {
			return false
		}
		if order < 0 {
			return true
		}
	}
	return true
}

// compare orders two values of one column as Parquet does; it does not know floating point, whose order engines dispute.
func compare(a arrow.Array, i int, b arrow.Array, j int) (order int, known bool) {
	switch a := a.(type) {
	case *array.String:
		return cmp.Compare(a.Value(i), b.(*array.String).Value(j)), true
	case *array.Binary:
		return bytes.Compare(a.Value(i), b.(*array.Binary).Value(j)), true
	case *array.Int64:
		return cmp.Compare(a.Value(i), b.(*array.Int64).Value(j)), true
	case *array.Date32:
		return cmp.Compare(a.Value(i), b.(*array.Date32).Value(j)), true
	case *array.Timestamp:
		return cmp.Compare(a.Value(i), b.(*array.Timestamp).Value(j)), true
	case *array.Decimal128:
		return a.Value(i).Cmp(b.(*array.Decimal128).Value(j)), true
	}
	return 0, false
}
