package stream

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/util"
)

// rowsPerMessage is how many rows of a record are about size bytes, at least one.
func rowsPerMessage(rec arrow.Record, size int64) int64 {
	total := util.TotalRecordSize(rec)
	if total <= size || rec.NumRows() == 0 {
		return max(rec.NumRows(), 1)
	}
	return max(rec.NumRows()*size/total, 1)
}

// cut calls use with consecutive slices of a record; each is valid until use returns.
func cut(rec arrow.Record, rows int64, use func(arrow.Record) error) error {
	for from := int64(0); from < rec.NumRows(); from += rows {
		piece := rec.NewSlice(from, min(from+rows, rec.NumRows()))
		err := use(piece)
		piece.Release()
		if err != nil {
			return err
		}
	}
	return nil
}
