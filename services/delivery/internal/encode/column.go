package encode

import (
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
)

// texts is what columns of texts are handed over in, used again for each.
type texts struct {
	values []parquet.ByteArray
	levels []int16
}

// put adds the rows of one batch to a column of the row group.
func (p *Library) put(chunk file.ColumnChunkWriter, column arrow.Array, nullable bool) error {
	var levels []int16
	if nullable {
		levels = p.texts.definition(column)
	}
	wide, ok := chunk.(*file.ByteArrayColumnChunkWriter)
	if !ok {
		return pqarrow.WriteArrowToColumn(p.ctx, chunk, column, levels, nil, nullable)
	}
	_, err := wide.WriteBatch(p.texts.present(column), levels, nil)
	return err
}

// definition levels: 1 where there is a value.
func (t *texts) definition(column arrow.Array) []int16 {
	t.levels = slices.Grow(t.levels[:0], column.Len())[:column.Len()]
	for i := range t.levels {
		t.levels[i] = 1
	}
	if column.NullN() == 0 {
		return t.levels
	}
	for i := range t.levels {
		if column.IsNull(i) {
			t.levels[i] = 0
		}
	}
	return t.levels
}

// present are the values of a column of texts or bytes, without the nulls. They lie in the column's own memory.
func (t *texts) present(column arrow.Array) []parquet.ByteArray {
	t.values = slices.Grow(t.values[:0], column.Len())
	if column.Len() == 0 {
		return t.values
	}
	offsets, data := column.(interface{ ValueOffsets() []int32 }).ValueOffsets(), bytesOf(column)
	nulls := column.NullN() > 0
	for i, from := range offsets[:column.Len()] {
		if nulls && column.IsNull(i) {
			continue
		}
		t.values = append(t.values, data[from:offsets[i+1]])
	}
	return t.values
}

// bytesOf is the whole buffer that a column's offsets point into.
func bytesOf(column arrow.Array) []byte {
	buffer := column.Data().Buffers()[2]
	if buffer == nil {
		return nil
	}
	return buffer.Bytes()
}
