package encode

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
)

// cut slices rows so that each piece fits into a row group; the caller releases them. A single row may be larger.
func cut(rows arrow.Record, within Bounds) []arrow.Record {
	pieces := max(
		(rows.NumRows()+within.GroupRows-1)/within.GroupRows, (arrowBytes(rows)+within.GroupBytes-1)/within.GroupBytes, 1,
	)
	each := (rows.NumRows() + pieces - 1) / pieces
	var all []arrow.Record
	for from := int64(0); from < rows.NumRows(); from += each {
		all = append(all, rows.NewSlice(from, min(from+each, rows.NumRows())))
	}
	return all
}

// arrowBytes is what rows take in Arrow: values, offsets and validity. Unlike the library's own measure it counts a slice by
// what is in it.
func arrowBytes(rows arrow.Record) int64 {
	size := int64(0)
	for _, column := range rows.Columns() {
		size += columnBytes(column)
	}
	return size
}

func columnBytes(column arrow.Array) int64 {
	rows := int64(column.Len())
	size := int64(0)
	if column.NullN() > 0 {
		size = bitutil.BytesForBits(rows)
	}
	if wide, ok := column.(interface{ ValueOffsets() []int32 }); ok {
		if rows == 0 {
			return size
		}
		offsets := wide.ValueOffsets()
		return size + 4*(rows+1) + int64(offsets[rows]-offsets[0])
	}
	return size + bitutil.BytesForBits(rows*int64(column.DataType().(arrow.FixedWidthDataType).BitWidth()))
}
