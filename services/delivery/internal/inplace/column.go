package inplace

import (
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// offsetBytes is what an offset into texts takes.
const offsetBytes = 4

var errShort = errors.New("it has fewer bytes than its rows need")

// column takes the next column off, which is one of flat values.
func (b *batch) column(f arrow.Field) (arrow.Array, error) {
	rows, nulls, err := b.nodes.next()
	if err != nil {
		return nil, err
	}
	if rows != b.rows || nulls < 0 || nulls > rows {
		return nil, fmt.Errorf("it announces %d rows and %d nulls in a batch of %d rows", rows, nulls, b.rows)
	}
	valid, err := b.validity(nulls)
	if err != nil {
		return nil, err
	}
	values, err := b.values(f.Type)
	if err != nil {
		return nil, err
	}
	return array.MakeFromData(array.NewData(f.Type, int(rows), append([]*memory.Buffer{valid}, values...), nil, int(nulls), 0)), nil
}

// buffer takes the next buffer off, which must have so many bytes at least.
func (b *batch) buffer(least int64) ([]byte, error) {
	offset, length, err := b.buffers.next()
	if err != nil {
		return nil, err
	}
	if offset < 0 || length < 0 || offset > int64(len(b.body)) || length > int64(len(b.body))-offset {
		return nil, fmt.Errorf("%d bytes at %d are outside the batch", length, offset)
	}
	if length < least {
		return nil, errShort
	}
	return b.body[offset : offset+length], nil
}

// bitmapBytes is what a bit for each row takes.
func (b *batch) bitmapBytes() int64 { return bitutil.CeilByte64(b.rows) / 8 }

// validity is nil where nothing is null.
func (b *batch) validity(nulls int64) (*memory.Buffer, error) {
	if nulls == 0 {
		_, err := b.buffer(0)
		return nil, err
	}
	bits, err := b.buffer(b.bitmapBytes())
	if err != nil {
		return nil, err
	}
	if b.rows-int64(bitutil.CountSetBits(bits, 0, int(b.rows))) != nulls {
		return nil, fmt.Errorf("it announces %d nulls and has others", nulls)
	}
	return memory.NewBufferBytes(bits), nil
}

// values are one buffer, or of texts two.
func (b *batch) values(t arrow.DataType) ([]*memory.Buffer, error) {
	switch t := t.(type) {
	case *arrow.BooleanType:
		bits, err := b.buffer(b.bitmapBytes())
		return []*memory.Buffer{memory.NewBufferBytes(bits)}, err
	case arrow.FixedWidthDataType:
		fixed, err := b.buffer(b.rows * int64(t.Bytes()))
		return []*memory.Buffer{memory.NewBufferBytes(fixed)}, err
	case *arrow.StringType, *arrow.BinaryType:
		return b.texts()
	default:
		return nil, fmt.Errorf("type %s is none of ours", t)
	}
}

func (b *batch) texts() ([]*memory.Buffer, error) {
	least := int64(0)
	if b.rows > 0 {
		least = offsetBytes * (b.rows + 1)
	}
	raw, err := b.buffer(least)
	if err != nil {
		return nil, err
	}
	data, err := b.buffer(0)
	if err != nil {
		return nil, err
	}
	if offsets := arrow.Int32Traits.CastFromBytes(raw[:least]); !ascend(offsets, len(data)) {
		return nil, errors.New("its offsets lead out of its bytes")
	}
	return []*memory.Buffer{memory.NewBufferBytes(raw), memory.NewBufferBytes(data)}, nil
}

// ascend says whether offsets begin, go on and end within so many bytes.
func ascend(offsets []int32, size int) bool {
	before, wrong := int32(0), int32(0)
	for _, offset := range offsets {
		wrong |= offset | (offset - before) // both must not be negative
		before = offset
	}
	return wrong >= 0 && int(before) <= size
}
