package encode

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/customer-exports/exports/pkg/dictionary/arrowschema"
)

// wideText is the average length in bytes from which texts get no bounds: nobody looks for a review between two others.
const wideText = 64

// maxBound is the longest bound that is written.
const maxBound = 256

// bounds are the statistics of one column in one row group, spelled as Parquet does; both ends are nil when unknown. They
// are made here and not by the library, whose own point into the batches, which somebody else may fill again.
type bounds struct {
	nulls    int64
	min, max []byte
}

// boundsOf goes through a column of a row group.
func boundsOf(rows []arrow.Record, i int) bounds {
	var b bounds
	pieces := make([]arrow.Array, len(rows))
	for j, r := range rows {
		pieces[j] = r.Column(i)
		b.nulls += int64(r.Column(i).NullN())
	}
	switch pieces[0].(type) {
	case *array.String:
		b.text(pieces)
	case *array.Binary:
		b.text(pieces)
	case *array.Int64:
		integers(&b, pieces, func(a arrow.Array) []int64 { return a.(*array.Int64).Int64Values() }, long)
	case *array.Timestamp:
		integers(&b, pieces, func(a arrow.Array) []arrow.Timestamp { return a.(*array.Timestamp).TimestampValues() }, long)
	case *array.Time64:
		integers(&b, pieces, func(a arrow.Array) []arrow.Time64 { return a.(*array.Time64).Time64Values() }, long)
	case *array.Date32:
		integers(&b, pieces, func(a arrow.Array) []arrow.Date32 { return a.(*array.Date32).Date32Values() }, short)
	case *array.Decimal128:
		b.decimal(pieces)
	case *array.Boolean:
		b.boolean(pieces)
	}
	return b
}

func long[T ~int64](v T) []byte { return binary.LittleEndian.AppendUint64(nil, uint64(v)) }

func short[T ~int32](v T) []byte { return binary.LittleEndian.AppendUint32(nil, uint32(v)) }

func integers[T cmp.Ordered](b *bounds, pieces []arrow.Array, values func(arrow.Array) []T, spell func(T) []byte) {
	var low, high T
	found := false
	for _, piece := range pieces {
		nulls := piece.NullN() > 0
		for i, v := range values(piece) {
			if nulls && piece.IsNull(i) {
				continue
			}
			if !found {
				low, high, found = v, v, true
			}
			low, high = min(low, v), max(high, v)
		}
	}
	if found {
		b.min, b.max = spell(low), spell(high)
	}
}

func (b *bounds) decimal(pieces []arrow.Array) {
	var low, high decimal128.Num
	found := false
	for _, piece := range pieces {
		for i, v := range piece.(*array.Decimal128).Values() {
			switch {
			case piece.IsNull(i):
			case !found:
				low, high, found = v, v, true
			case v.Less(low):
				low = v
			case high.Less(v):
				high = v
			}
		}
	}
	if found {
		precision := pieces[0].DataType().(*arrow.Decimal128Type).Precision
		b.min, b.max = spellDecimal(low, precision), spellDecimal(high, precision)
	}
}

// spellDecimal writes the form that the column has: INT32 up to 9 digits, INT64 up to 18, then big-endian bytes.
func spellDecimal(n decimal128.Num, precision int32) []byte {
	switch {
	case precision <= 9:
		return short(int32(n.LowBits()))
	case precision <= arrowschema.MaxInt64Precision:
		return long(int64(n.LowBits()))
	}
	whole := binary.BigEndian.AppendUint64(nil, uint64(n.HighBits()))
	whole = binary.BigEndian.AppendUint64(whole, n.LowBits())
	return whole[len(whole)-int(pqarrow.DecimalSize(precision)):]
}

func (b *bounds) boolean(pieces []arrow.Array) {
	var seen [2]bool
	for _, piece := range pieces {
		c := piece.(*array.Boolean)
		for i := range c.Len() {
			if c.IsValid(i) {
				seen[bit(c.Value(i))] = true
			}
		}
	}
	if seen[0] || seen[1] {
		b.min, b.max = []byte{bit(!seen[0])}, []byte{bit(seen[1])}
	}
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// text compares the first eight bytes as a number, which settles nearly all.
func (b *bounds) text(pieces []arrow.Array) {
	if wide(pieces) {
		return
	}
	var low, high []byte
	first, last := uint64(math.MaxUint64), uint64(0)
	for _, piece := range pieces {
		data, nulls := bytesOf(piece), piece.NullN() > 0
		offsets := piece.(interface{ ValueOffsets() []int32 }).ValueOffsets()
		for i := range piece.Len() {
			if nulls && piece.IsNull(i) {
				continue
			}
			v := data[offsets[i]:offsets[i+1]]
			head := prefix(v)
			if low == nil || head < first || head == first && bytes.Compare(v, low) < 0 {
				low, first = v, head
			}
			if high == nil || head > last || head == last && bytes.Compare(v, high) > 0 {
				high, last = v, head
			}
		}
	}
	if low != nil && max(len(low), len(high)) <= maxBound {
		b.min, b.max = append([]byte{}, low...), append([]byte{}, high...)
	}
}

func prefix(v []byte) uint64 {
	if len(v) >= 8 {
		return binary.BigEndian.Uint64(v)
	}
	var head [8]byte
	copy(head[:], v)
	return binary.BigEndian.Uint64(head[:])
}

// wide says whether texts are long on average.
func wide(pieces []arrow.Array) bool {
	bytes, count := int64(0), int64(0)
	for _, piece := range pieces {
		bytes += columnBytes(piece)
		count += int64(piece.Len() - piece.NullN())
	}
	return bytes > wideText*count
}
