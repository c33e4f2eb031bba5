package convert_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/arrow/util"

	"github.com/customer-exports/exports/services/extractor/internal/convert"
)

// A chunk of the source has record batches of some hundred rows.
const (
	benchRows   = 64_000
	benchAtOnce = 640
)

// BenchmarkConvert converts one chunk of one column, every tenth value null. Bytes are those of the Arrow
// that comes out.
func BenchmarkConvert(b *testing.B) {
	p := arrow.PrimitiveTypes
	for _, bench := range []struct {
		kind, wire string
		values     arrow.Array
	}{
		{"NUMBER(18,0)", "int8", made(p.Int8, func(b *array.Int8Builder, i int) { b.Append(int8(i % 100)) })},
		{"NUMBER(18,0)", "int64", made(p.Int64, func(b *array.Int64Builder, i int) { b.Append(int64(i) << 30) })},
		{"NUMBER(12,2)", "int32", made(p.Int32, func(b *array.Int32Builder, i int) { b.Append(int32(i * 31)) })},
		{"NUMBER(12,2)", "int64", made(p.Int64, func(b *array.Int64Builder, i int) { b.Append(int64(i) << 20) })},
		{"NUMBER(38,0)", "decimal128", made(&arrow.Decimal128Type{Precision: 38},
			func(b *array.Decimal128Builder, i int) { b.Append(decimal128.New(int64(i), uint64(i)<<40)) })},
		{"FLOAT", "float64", made(p.Float64, func(b *array.Float64Builder, i int) { b.Append(float64(i) / 3) })},
		{"BOOLEAN", "bool", made(arrow.FixedWidthTypes.Boolean, func(b *array.BooleanBuilder, i int) { b.Append(i%3 == 0) })},
		{"DATE", "date32", made(p.Date32, func(b *array.Date32Builder, i int) { b.Append(arrow.Date32(i % 20_000)) })},
		{"STRING", "ids", made(arrow.BinaryTypes.String, func(b *array.StringBuilder, i int) { b.Append(fmt.Sprintf("TXN-%09d", i)) })},
		{"STRING", "free text", made(arrow.BinaryTypes.String, func(b *array.StringBuilder, i int) {
			b.Append(strings.Repeat("The pizza was great, the crème brûlée less so. ", 1+i%8))
		})},
		{"VARIANT", "utf8", made(arrow.BinaryTypes.String, func(b *array.StringBuilder, i int) {
			b.Append(fmt.Sprintf(`{"channel":"web","items":[%d,2,3],"note":"größer","nested":{"a":null,"b":1.5e3}}`, i))
		})},
		{"BINARY", "binary", made(arrow.BinaryTypes.Binary, func(b *array.BinaryBuilder, i int) { b.Append(fmt.Appendf(nil, "%032x", i)) })},
		{"TIME(9)", "int64", made(p.Int64, func(b *array.Int64Builder, i int) { b.Append(int64(i) * 1_000_000) })},
		{"TIMESTAMP_NTZ(6)", "int64", made(p.Int64, func(b *array.Int64Builder, i int) { b.Append(1_763_942_400_000_000 + int64(i)) })},
		{"TIMESTAMP_NTZ(9)", "struct", made(parts, func(b *array.StructBuilder, i int) { instant(b, i) })},
		{"TIMESTAMP_TZ(9)", "struct", made(zonedParts, func(b *array.StructBuilder, i int) {
			instant(b, i)
			b.FieldBuilder(2).(*array.Int32Builder).Append(1440)
		})},
	} {
		b.Run(bench.kind+"/"+bench.wire, func(b *testing.B) { benchmark(b, bench.kind, bench.values) })
	}
}

func instant(b *array.StructBuilder, i int) {
	b.Append(true)
	b.FieldBuilder(0).(*array.Int64Builder).Append(1_763_942_400 + int64(i))
	b.FieldBuilder(1).(*array.Int32Builder).Append(int32(i) * 1000)
}

// made builds one record batch's worth of values.
func made[B array.Builder](kind arrow.DataType, add func(B, int)) arrow.Array {
	builder := array.NewBuilder(memory.DefaultAllocator, kind)
	defer builder.Release()
	for i := range benchAtOnce {
		if i%10 == 0 {
			builder.AppendNull()
			continue
		}
		add(builder.(B), i)
	}
	return builder.NewArray()
}

func benchmark(b *testing.B, kind string, values arrow.Array) {
	layout := one(kind, true)
	converter, err := convert.New(layout, declared(layout))
	if err != nil {
		b.Fatal(err)
	}
	rec := record(values)
	b.ReportAllocs()
	for b.Loop() {
		batch := converter.Batch(benchRows)
		for range benchRows / benchAtOnce {
			if err := batch.Append(rec); err != nil {
				b.Fatal(err)
			}
		}
		out := batch.Record()
		b.SetBytes(util.TotalRecordSize(out))
		out.Release()
	}
}
