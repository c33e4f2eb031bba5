package convert

import (
	"iter"
	"math/bits"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// sink gathers the values of one column of a batch. A batch is made of record batches of some hundred
// rows, so adding one costs no more than its own size, and memory is taken for all of them at once.
type sink interface {
	// take converts the values of one record and adds them.
	take(c *column, values arrow.Array) error
	// blank adds nulls.
	blank(count int)
	// array hands over what was gathered; the sink is spent.
	array() arrow.Array
}

// newSink makes the sink of a pinned type, with room for some rows.
func newSink(kind arrow.DataType, format textFormat, rows int, on *shelves) sink {
	switch kind.ID() {
	case arrow.INT64:
		return newFixed(kind, (*column).integers, rows, on)
	case arrow.DECIMAL128:
		return newFixed(kind, (*column).decimals, rows, on)
	case arrow.FLOAT64:
		return newFixed(kind, (*column).doubles, rows, on)
	case arrow.DATE32:
		return newFixed(kind, (*column).dates, rows, on)
	case arrow.TIME64:
		return newFixed(kind, (*column).times, rows, on)
	case arrow.TIMESTAMP:
		return newFixed(kind, (*column).timestamps, rows, on)
	case arrow.BOOL:
		return newFlags(rows, on)
	default:
		return newTexts(kind, format, rows, on)
	}
}

// validity is the bitmap of the values that are not null.
type validity struct {
	shelf       *shelf
	bits        []byte
	rows, nulls int
}

func newValidity(on *shelf, rows int) validity {
	return validity{shelf: on, bits: on.take(int(bitutil.BytesForBits(int64(rows))))}
}

func (v *validity) reach(count int) {
	have, need := len(v.bits), int(bitutil.BytesForBits(int64(v.rows+count)))
	v.bits = slices.Grow(v.bits, need-have)[:need]
	clear(v.bits[have:])
}

func (v *validity) blank(count int) {
	v.reach(count)
	bitutil.SetBitsTo(v.bits, int64(v.rows), int64(count), false)
	v.rows, v.nulls = v.rows+count, v.nulls+count
}

func (v *validity) add(values arrow.Array) {
	count := values.Len()
	v.reach(count)
	if source := values.NullBitmapBytes(); len(source) > 0 {
		bitutil.CopyBitmap(source, values.Data().Offset(), count, v.bits, v.rows)
		v.nulls += values.NullN()
	} else {
		bitutil.SetBitsTo(v.bits, int64(v.rows), int64(count), true)
	}
	v.rows += count
}

// nulls are the indexes of a column's nulls. Eight values are passed at once where none of them is null.
func nulls(values arrow.Array) iter.Seq[int] {
	return func(yield func(int) bool) {
		bitmap, offset, count := values.NullBitmapBytes(), values.Data().Offset(), values.Len()
		if len(bitmap) == 0 {
			return
		}
		for i := 0; i < count; {
			at := offset + i
			missing := ^bitmap[at/8] >> (at % 8) & (1<<min(8-at%8, count-i) - 1)
			for rest := missing; rest != 0; rest &= rest - 1 {
				if !yield(i + bits.TrailingZeros8(rest)) {
					return
				}
			}
			i += 8 - at%8
		}
	}
}

// data makes an array of the bitmap and the buffers of the values, which it takes over.
func (v *validity) data(kind arrow.DataType, buffers ...*memory.Buffer) arrow.Array {
	valid := memory.NewBufferWithAllocator(v.bits, v.shelf)
	list := append([]*memory.Buffer{valid}, buffers...)
	for _, b := range list {
		defer b.Release()
	}
	if v.nulls == 0 {
		list[0] = nil
	}
	data := array.NewData(kind, v.rows, list, nil, v.nulls, 0)
	defer data.Release()
	return array.MakeFromData(data)
}

// fixed gathers values of one width.
type fixed[T arrow.FixedWidthType] struct {
	validity
	kind   arrow.DataType
	shelf  *shelf
	width  int
	values []T
	// fill converts into a slice as long as the values. What it makes of a null does not matter.
	fill func(c *column, into []T, values arrow.Array) error
}

func newFixed[T arrow.FixedWidthType](kind arrow.DataType, fill func(*column, []T, arrow.Array) error, rows int, on *shelves) *fixed[T] {
	f := &fixed[T]{validity: newValidity(&on.bits, rows), kind: kind, shelf: &on.values, width: len(arrow.GetBytes(make([]T, 1))), fill: fill}
	room := f.shelf.take(rows * f.width)
	f.values = arrow.GetData[T](room[:cap(room)/f.width*f.width])[:0]
	return f
}

func (f *fixed[T]) take(c *column, values arrow.Array) error {
	into := f.extend(values.Len())
	if err := f.fill(c, into, values); err != nil {
		return err
	}
	f.add(values)
	// What the source left in the place of a null must not leave.
	var zero T
	for i := range nulls(values) {
		into[i] = zero
	}
	return nil
}

func (f *fixed[T]) blank(count int) {
	clear(f.extend(count))
	f.validity.blank(count)
}

func (f *fixed[T]) extend(count int) []T {
	rows := len(f.values)
	f.values = slices.Grow(f.values, count)[:rows+count]
	return f.values[rows:]
}

func (f *fixed[T]) array() arrow.Array {
	room := arrow.GetBytes(f.values[:cap(f.values)])
	return f.data(f.kind, memory.NewBufferWithAllocator(room[:len(f.values)*f.width], f.shelf))
}

// flags gathers booleans, which are bits.
type flags struct {
	validity
	values validity
}

func newFlags(rows int, on *shelves) *flags {
	return &flags{validity: newValidity(&on.bits, rows), values: newValidity(&on.values, rows)}
}

func (f *flags) take(c *column, values arrow.Array) error {
	v, ok := values.(*array.Boolean)
	if !ok {
		return c.unexpected(values)
	}
	f.add(values)
	from := f.values.rows
	f.values.reach(v.Len())
	bitutil.CopyBitmap(v.Data().Buffers()[1].Bytes(), v.Data().Offset(), v.Len(), f.values.bits, from)
	f.values.rows += v.Len()
	for i := range nulls(v) {
		bitutil.ClearBit(f.values.bits, from+i)
	}
	return nil
}

func (f *flags) blank(count int) {
	f.validity.blank(count)
	f.values.blank(count)
}

func (f *flags) array() arrow.Array {
	return f.data(arrow.FixedWidthTypes.Boolean, memory.NewBufferWithAllocator(f.values.bits, f.values.shelf))
}
