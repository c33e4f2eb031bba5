package warehouse

import (
	"fmt"
	"math"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/customer-exports/exports/pkg/dictionary"
)

// allocator is the plain Go one: chunks are short-lived and the collector bounds them.
var allocator = memory.DefaultAllocator

// encode turns DuckDB's rows into the wire form of one chunk. Physical types are chosen over the
// whole chunk, as the source does: the narrowest integer, and a struct for fine timestamps.
func encode(columns []column, pending []arrow.RecordBatch, chunk int) (arrow.RecordBatch, error) {
	fields := make([]arrow.Field, 0, len(columns))
	arrays := make([]arrow.Array, 0, len(columns))
	defer func() {
		for _, a := range arrays {
			a.Release()
		}
	}()
	rows := int64(0)
	for i, c := range columns {
		source, err := join(pending, i)
		if err != nil {
			return nil, err
		}
		encoded, err := encodeColumn(c, source, chunk)
		source.Release()
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", c.Name, err)
		}
		rows = int64(encoded.Len())
		arrays = append(arrays, encoded)
		// Every field says nullable; true nullability is in the row type only.
		fields = append(fields, arrow.Field{Name: c.Name, Type: encoded.DataType(), Nullable: true, Metadata: fieldMetadata(c)})
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), arrays, rows), nil
}

var logicalTypes = map[dictionary.Kind]string{
	dictionary.KindNumber: "FIXED", dictionary.KindFloat: "REAL", dictionary.KindString: "TEXT",
}

func fieldMetadata(c column) arrow.Metadata {
	logical, ok := logicalTypes[c.Type.Kind]
	if !ok {
		logical = string(c.Type.Kind)
	}
	precision, length := "38", "0"
	if c.Type.Kind == dictionary.KindNumber {
		precision = strconv.Itoa(c.Type.Precision)
	}
	if c.Type.Kind == dictionary.KindString {
		length = strconv.Itoa(textLength)
	}
	return arrow.NewMetadata(
		[]string{"logicalType", "precision", "scale", "charLength", "byteLength", "finalType"},
		[]string{logical, precision, strconv.Itoa(c.Type.Scale), length, length, "T"})
}

func encodeColumn(c column, source arrow.Array, chunk int) (arrow.Array, error) {
	switch {
	case c.Type.Kind == dictionary.KindNumber:
		numbers, ok := source.(*array.Decimal128)
		if !ok {
			return nil, fmt.Errorf("NUMBER stored as %s", source.DataType())
		}
		return encodeNumber(c.Type, numbers), nil
	case c.Type.Kind == dictionary.KindTime:
		return encodeTime(c.Type, source, chunk)
	case c.Type.Kind.Timestamp():
		return encodeTimestamp(c.Type, source, chunk)
	case c.Type.Kind == dictionary.KindString && source.DataType().ID() == arrow.BINARY:
		return asText(source), nil
	default:
		source.Retain()
		return source, nil
	}
}

// asText passes stored bytes off as text: the source has text that is not UTF-8, and DuckDB has not.
func asText(source arrow.Array) arrow.Array {
	data := source.Data()
	text := array.NewData(arrow.BinaryTypes.String, data.Len(), data.Buffers(), nil, data.NullN(), data.Offset())
	defer text.Release()
	return array.MakeFromData(text)
}

// encodeNumber picks the narrowest integer that holds every value of the chunk, else decimal128.
func encodeNumber(t dictionary.Type, source *array.Decimal128) arrow.Array {
	lowest, highest, fits := numberRange(source)
	switch {
	case !fits:
		kept := array.NewDecimal128Builder(allocator, &arrow.Decimal128Type{Precision: int32(t.Precision), Scale: int32(t.Scale)})
		return build(kept, source, kept.Append, func(i int) decimal128.Num { return source.Value(i) })
	case math.MinInt8 <= lowest && highest <= math.MaxInt8:
		narrow := array.NewInt8Builder(allocator)
		return build(narrow, source, narrow.Append, func(i int) int8 { return int8(source.Value(i).LowBits()) })
	case math.MinInt16 <= lowest && highest <= math.MaxInt16:
		narrow := array.NewInt16Builder(allocator)
		return build(narrow, source, narrow.Append, func(i int) int16 { return int16(source.Value(i).LowBits()) })
	case math.MinInt32 <= lowest && highest <= math.MaxInt32:
		narrow := array.NewInt32Builder(allocator)
		return build(narrow, source, narrow.Append, func(i int) int32 { return int32(source.Value(i).LowBits()) })
	default:
		narrow := array.NewInt64Builder(allocator)
		return build(narrow, source, narrow.Append, func(i int) int64 { return int64(source.Value(i).LowBits()) })
	}
}

// numberRange gives the extremes, and whether all values fit an int64.
func numberRange(source *array.Decimal128) (lowest, highest int64, fits bool) {
	for i := range source.Len() {
		if source.IsNull(i) {
			continue
		}
		v := source.Value(i)
		low := int64(v.LowBits())
		if v.HighBits() != low>>63 {
			return 0, 0, false
		}
		lowest, highest = min(lowest, low), max(highest, low)
	}
	return lowest, highest, true
}

// build fills a builder from a source, nulls included, and releases it.
func build[T any](b array.Builder, source arrow.Array, add func(T), value func(int) T) arrow.Array {
	defer b.Release()
	b.Reserve(source.Len())
	for i := range source.Len() {
		if source.IsNull(i) {
			b.AppendNull()
		} else {
			add(value(i))
		}
	}
	return b.NewArray()
}
