package encode

import (
	"bytes"
	"cmp"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/customer-exports/exports/pkg/dictionary"
)

// sorting says by which columns rows are in ascending order: the primary key, or else the split column; none when they are
// not. It is found and never assumed, because the source promises no order, and a reader that trusts a wrong one loses rows.
func sorting(l *dictionary.Layout, rows []arrow.Record) []int {
	for _, names := range [][]string{l.Table.PrimaryKey, {l.Table.Split}} {
		if columns := indexes(l, names); columns != nil && ordered(rows, columns) {
			return columns
		}
	}
	return nil
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

func ordered(batches []arrow.Record, columns []int) bool {
	last, lastRow := arrow.Record(nil), 0
	for _, rows := range batches {
		for row := range int(rows.NumRows()) {
			if last != nil && !ascends(last, lastRow, rows, row, columns) {
				return false
			}
			last, lastRow = rows, row
		}
	}
	return last != nil
}

func ascends(a arrow.Record, i int, b arrow.Record, j int, columns []int) bool {
	for _, c := range columns {
		left, right := a.Column(c), b.Column(c)
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
