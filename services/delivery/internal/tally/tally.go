// Package tally owns what is counted of a part's columns on their way into the encoder: nulls, sums, and a digest that tells the
// values and their order.
//
// It is what the read-back is held against, so it looks at Arrow arrays only and knows nothing of how a file is spelled. What
// each count means is said once, at ColumnCount in receipt.proto. Start at New.
package tally

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/minio/crc64nvme"

	"github.com/customer-exports/exports/pkg/dictionary"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
)

// Tally counts the columns of one file. It is not safe for concurrent use.
type Tally struct {
	columns []*column
}

// New counts the columns of a layout that land.
func New(layout *dictionary.Layout) *Tally {
	t := &Tally{}
	for _, f := range layout.Fields[:layout.Exported] {
		of := f.Column.Type
		t.columns = append(t.columns, &column{number: of.Kind == dictionary.KindNumber, scale: of.Scale})
	}
	return t
}

// Take counts the rows of a batch, whose first columns must be those of the layout.
func (t *Tally) Take(batch arrow.Record) {
	for i, c := range t.columns {
		c.take(batch.Column(i))
	}
}

// Counts is what was counted so far, in file order.
func (t *Tally) Counts() []*deliveryv1.ColumnCount {
	counts := make([]*deliveryv1.ColumnCount, len(t.columns))
	for i, c := range t.columns {
		counts[i] = &deliveryv1.ColumnCount{
			NullCount: c.nulls, Crc64Nvme: crc64nvme.Update(c.values, binary.LittleEndian.AppendUint64(nil, c.shape)),
		}
		if c.number {
			counts[i].Sum = c.sum.spell(c.scale)
		}
	}
	return counts
}

// column is what was counted of one.
type column struct {
	number bool
	scale  int

	nulls         int64
	values, shape uint64 // CRC-64/NVME
	sum           sum
	same          []int32 // of as many rows as there ever were in a batch, where values have one length

	// Of the batch at hand.
	stretches []stretch
	room      []byte
	lengths   []int32
}

func (c *column) take(a arrow.Array) {
	c.nulls += int64(a.NullN())
	c.stretches = present(c.stretches[:0], a)
	switch a := a.(type) {
	case *array.Int64:
		if c.number {
			c.sum.int64s(a.Int64Values(), c.stretches)
		}
		c.fixed(a, 8, arrow.Int64Traits.CastToBytes(a.Int64Values()))
	case *array.Timestamp:
		c.fixed(a, 8, arrow.TimestampTraits.CastToBytes(a.TimestampValues()))
	case *array.Time64:
		c.fixed(a, 8, arrow.Time64Traits.CastToBytes(a.Time64Values()))
	case *array.Date32:
		c.fixed(a, 4, arrow.Date32Traits.CastToBytes(a.Date32Values()))
	case *array.Decimal128:
		c.sum.decimals(a.Values(), c.stretches)
		c.fixed(a, 16, arrow.Decimal128Traits.CastToBytes(a.Values()))
	case *array.Float64:
		c.doubles(a)
	case *array.Boolean:
		c.booleans(a)
	case *array.String:
		c.texts(a, a.ValueOffsets())
	case *array.Binary:
		c.texts(a, a.ValueOffsets())
	}
}

// fixed takes values of a width, which lie beside each other.
func (c *column) fixed(a arrow.Array, width int, all []byte) {
	c.even(a, int32(width))
	if a.NullN() == 0 {
		c.values = crc64nvme.Update(c.values, all)
		return
	}
	c.room = c.room[:0]
	for _, s := range c.stretches {
		c.room = append(c.room, all[s.from*width:s.until*width]...)
	}
	c.values = crc64nvme.Update(c.values, c.room)
}

// even takes the shape of a column whose values have one length.
func (c *column) even(a arrow.Array, length int32) {
	for len(c.same) < a.Len() {
		c.same = append(c.same, length)
	}
	if a.NullN() == 0 {
		c.shape = crc64nvme.Update(c.shape, arrow.Int32Traits.CastToBytes(c.same[:a.Len()]))
		return
	}
	c.lengths = append(c.lengths[:0], c.same[:a.Len()]...)
	c.shaped()
}

// shaped takes the lengths of all rows, once those that have no value are told apart.
func (c *column) shaped() {
	null := 0
	for _, s := range append(c.stretches, stretch{from: len(c.lengths)}) {
		for ; null < s.from; null++ {
			c.lengths[null] = -1
		}
		null = s.until
	}
	c.shape = crc64nvme.Update(c.shape, arrow.Int32Traits.CastToBytes(c.lengths))
}

func (c *column) doubles(a *array.Float64) {
	c.even(a, 8)
	c.room = c.room[:0]
	for _, s := range c.stretches {
		for _, v := range a.Float64Values()[s.from:s.until] {
			if math.IsNaN(v) {
				v = math.NaN()
			}
			c.room = binary.LittleEndian.AppendUint64(c.room, math.Float64bits(v))
		}
	}
	c.values = crc64nvme.Update(c.values, c.room)
}

func (c *column) booleans(a *array.Boolean) {
	c.even(a, 1)
	c.room = slices.Grow(c.room[:0], a.Len())[:a.Len()-a.NullN()]
	at, bitmap, offset := 0, a.Data().Buffers()[1].Bytes(), a.Data().Offset()
	for _, s := range c.stretches {
		for bit := offset + s.from; bit < offset+s.until; bit++ {
			c.room[at] = bitmap[bit/8] >> (bit % 8) & 1
			at++
		}
	}
	c.values = crc64nvme.Update(c.values, c.room)
}

// texts takes values that lie one after the other. What lies where a null is does not count.
func (c *column) texts(a arrow.Array, offsets []int32) {
	c.lengths = slices.Grow(c.lengths[:0], a.Len())[:a.Len()]
	gaps := false // bytes between two stretches, which the standard allows
	for i, s := range c.stretches {
		gaps = gaps || i > 0 && offsets[s.from] != offsets[c.stretches[i-1].until]
		lengths, from := c.lengths[s.from:s.until], offsets[s.from]
		for row, until := range offsets[s.from+1 : s.until+1][:len(lengths)] {
			lengths[row], from = until-from, until
		}
	}
	c.shaped()
	buffer := a.Data().Buffers()[2]
	if buffer == nil || len(c.stretches) == 0 {
		return
	}
	if !gaps {
		c.stretches = append(c.stretches[:0], stretch{c.stretches[0].from, c.stretches[len(c.stretches)-1].until})
	}
	for _, s := range c.stretches {
		c.values = crc64nvme.Update(c.values, buffer.Bytes()[offsets[s.from]:offsets[s.until]])
	}
}
