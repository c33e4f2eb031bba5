package readback

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"strings"

	"github.com/minio/crc64nvme"
	"github.com/parquet-go/parquet-go"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/drop"
)

// Count is what a column holds. What each means is said at ColumnCount in receipt.proto; here it is counted by nothing that
// counted it first.
type Count struct {
	// Nulls is Untold where JSON's null and ours look the same.
	Nulls int64
	Sum   string
	// CRC is not compared of text, whose values are spelled in another way.
	CRC uint64
}

// Untold is how many nulls a column has whose nulls cannot be told.
const Untold = -1

// counter counts one column.
type counter struct {
	kind          dictionary.Type
	nulls         int64
	values, shape uint64
	sum           sum
	one           big.Int
	room, lengths []byte
}

func counters(columns []Column) []*counter {
	all := make([]*counter, len(columns))
	for i, c := range columns {
		all[i] = &counter{kind: c.Type}
	}
	return all
}

// take counts values in row order.
func (c *counter) take(values []parquet.Value) {
	c.room, c.lengths = c.room[:0], c.lengths[:0]
	for i := range values {
		c.value(&values[i])
	}
	c.values = crc64nvme.Update(c.values, c.room)
	c.shape = crc64nvme.Update(c.shape, c.lengths)
}

func (c *counter) value(v *parquet.Value) {
	if v.IsNull() {
		c.nulls++
		c.lengths = binary.LittleEndian.AppendUint32(c.lengths, math.MaxUint32)
		return
	}
	before := len(c.room)
	switch {
	case c.kind.Kind == dictionary.KindNumber:
		c.number(v)
	case v.Kind() == parquet.Boolean:
		bit := byte(0)
		if v.Boolean() {
			bit = 1
		}
		c.room = append(c.room, bit)
	case v.Kind() == parquet.Int32:
		c.room = binary.LittleEndian.AppendUint32(c.room, v.Uint32())
	case v.Kind() == parquet.Int64:
		c.room = binary.LittleEndian.AppendUint64(c.room, v.Uint64())
	case v.Kind() == parquet.Double:
		c.room = binary.LittleEndian.AppendUint64(c.room, doubleBits(v.Double()))
	default:
		c.text(v.ByteArray())
		return
	}
	c.lengths = binary.LittleEndian.AppendUint32(c.lengths, uint32(len(c.room)-before))
}

// bigText is from which length on a text is not gathered first.
const bigText = 4 << 10

func (c *counter) text(text []byte) {
	c.lengths = binary.LittleEndian.AppendUint32(c.lengths, uint32(len(text)))
	if len(text) < bigText {
		c.room = append(c.room, text...)
		return
	}
	c.values = crc64nvme.Update(crc64nvme.Update(c.values, c.room), text)
	c.room = c.room[:0]
}

func doubleBits(v float64) uint64 {
	if math.IsNaN(v) {
		return 0x7ff8000000000001
	}
	return math.Float64bits(v)
}

// number takes a number in any of the three forms that one may have.
func (c *counter) number(v *parquet.Value) {
	switch v.Kind() {
	case parquet.Int32:
		c.short(int64(v.Int32()))
	case parquet.Int64:
		c.short(v.Int64())
	default:
		c.long(v.ByteArray())
	}
}

func (c *counter) short(v int64) {
	c.sum.short(v)
	c.room = binary.LittleEndian.AppendUint64(c.room, uint64(v))
	if c.kind.Scale > 0 || c.kind.Precision > maxInt64Digits {
		c.room = binary.LittleEndian.AppendUint64(c.room, uint64(v>>63))
	}
}

// long takes big-endian two's complement of up to 16 bytes.
func (c *counter) long(v []byte) {
	var full [16]byte
	if len(v) == 0 || len(v) > len(full) {
		panic(fmt.Sprintf("a number of %d bytes", len(v))) // recovered as any panic of a decoder
	}
	if v[0]&0x80 != 0 {
		for i := range full {
			full[i] = 0xff
		}
	}
	for i, b := range v {
		full[len(v)-1-i] = b
	}
	c.room = append(c.room, full[:]...)
	c.sum.wide.Add(&c.sum.wide, c.signed(v))
}

func (c *counter) signed(v []byte) *big.Int {
	c.one.SetBytes(v)
	if v[0]&0x80 != 0 {
		c.one.Sub(&c.one, new(big.Int).Lsh(big.NewInt(1), uint(8*len(v))))
	}
	return &c.one
}

// count is what was counted so far.
func (c *counter) count() Count {
	var shape [8]byte
	binary.LittleEndian.PutUint64(shape[:], c.shape)
	n := Count{Nulls: c.nulls, CRC: crc64nvme.Update(c.values, shape[:])}
	if c.kind.Kind == dictionary.KindNumber {
		n.Sum = c.sum.spell(c.kind.Scale)
	}
	return n
}

// same compares what was counted with what was counted first, if it was.
func same(f File, have []Count) error {
	var wrong []string
	for i, want := range f.Counts {
		name, got := f.Columns[i].Name, have[i]
		switch {
		case got.Nulls != Untold && got.Nulls != want.Nulls:
			wrong = append(wrong, fmt.Sprintf("column %s has %d nulls, %d were written", name, got.Nulls, want.Nulls))
		case got.Sum != want.Sum:
			wrong = append(wrong, fmt.Sprintf("column %s has another sum than what was written", name))
		case f.Format.FileFormat == drop.Parquet && got.CRC != want.CRC:
			wrong = append(wrong, fmt.Sprintf("column %s holds other values than what was written, or in another order", name))
		}
	}
	if len(wrong) > 0 {
		return differs(f, "%s", strings.Join(wrong, "; "))
	}
	return nil
}
