package tally_test

import (
	"encoding/binary"
	"hash/crc64"
	"math"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"google.golang.org/protobuf/proto"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/dictionary/arrowschema"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	"github.com/customer-exports/exports/services/delivery/internal/tally"
)

const words = `
version: test
tables:
  - name: T
    definition: One row.
    primary_key: [id]
    scope: {shared: true}
    columns:
      - {name: id, type: "NUMBER(18,0)", definition: Identifier.}
      - {name: money, type: "NUMBER(12,2)", nullable: true, definition: Money.}
      - {name: wide, type: "NUMBER(38,0)", definition: Wide.}
      - {name: score, type: FLOAT, definition: Score.}
      - {name: flag, type: BOOLEAN, nullable: true, definition: Flag.}
      - {name: body, type: STRING, nullable: true, definition: Text.}
      - {name: born, type: DATE, definition: Day.}
`

func layout(t *testing.T) *dictionary.Layout {
	t.Helper()
	d, err := dictionary.Parse([]byte(words))
	if err != nil {
		t.Fatal(err)
	}
	l, err := d.Layout("T", nil)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

const nines = 1<<63 - 1

// three rows, the second with nulls.
func batch(l *dictionary.Layout) arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrowschema.Of(l))
	b.Field(0).(*array.Int64Builder).AppendValues([]int64{1, -3, 999_999_999_999_999_999}, nil)
	b.Field(1).(*array.Int64Builder).AppendValues([]int64{-7, 0, 2}, []bool{true, false, true})
	wide := decimal128.New(nines>>2, 5)
	b.Field(2).(*array.Decimal128Builder).AppendValues([]decimal128.Num{wide, wide, wide}, nil)
	b.Field(3).(*array.Float64Builder).AppendValues([]float64{math.Copysign(0, -1), 1.5, math.Float64frombits(0xfff8000000000777)}, nil)
	b.Field(4).(*array.BooleanBuilder).AppendValues([]bool{true, false, false}, []bool{true, false, true})
	b.Field(5).(*array.StringBuilder).AppendValues([]string{"ab", "", ""}, []bool{true, false, true})
	b.Field(6).(*array.Date32Builder).AppendValues([]arrow.Date32{0, -1, 20_000}, nil)
	return b.NewRecord()
}

// digest is the definition of receipt.proto, word for word, with the standard library.
func digest(values []byte, lengths ...int32) uint64 {
	nvme := crc64.MakeTable(0x9a6c9329ac4bc9b5)
	var shape []byte
	for _, n := range lengths {
		shape = binary.LittleEndian.AppendUint32(shape, uint32(n))
	}
	return crc64.Checksum(binary.LittleEndian.AppendUint64(values, crc64.Checksum(shape, nvme)), nvme)
}

func words64(values ...uint64) []byte {
	var out []byte
	for _, v := range values {
		out = binary.LittleEndian.AppendUint64(out, v)
	}
	return out
}

func words32(values ...uint32) []byte {
	var out []byte
	for _, v := range values {
		out = binary.LittleEndian.AppendUint32(out, v)
	}
	return out
}

func TestCountsAreWhatTheReceiptSays(t *testing.T) {
	l := layout(t)
	minus := func(n uint64) uint64 { return -n }
	want := []*deliveryv1.ColumnCount{
		{Sum: "999999999999999997", Crc64Nvme: digest(words64(1, minus(3), 999_999_999_999_999_999), 8, 8, 8)},
		{NullCount: 1, Sum: "-0.05", Crc64Nvme: digest(words64(minus(7), 2), 8, -1, 8)},
		{Sum: "127605887595351923743425245565784424463", Crc64Nvme: digest(words64(5, nines>>2, 5, nines>>2, 5, nines>>2), 16, 16, 16)},
		{Crc64Nvme: digest(words64(1<<63, math.Float64bits(1.5), 0x7ff8000000000001), 8, 8, 8)},
		{NullCount: 1, Crc64Nvme: digest([]byte{1, 0}, 1, -1, 1)},
		{NullCount: 1, Crc64Nvme: digest([]byte("ab"), 2, -1, 0)},
		{Crc64Nvme: digest(words32(0, math.MaxUint32, 20_000), 4, 4, 4)},
	}
	whole, cut := tally.New(l), tally.New(l)
	rows := batch(l)
	whole.Take(rows)
	for from := range rows.NumRows() {
		cut.Take(rows.NewSlice(from, from+1))
	}
	for i, c := range whole.Counts() {
		if !proto.Equal(c, want[i]) || !proto.Equal(cut.Counts()[i], want[i]) {
			t.Errorf("column %s: got %v, and %v in three batches, want %v", l.Fields[i].Name, c, cut.Counts()[i], want[i])
		}
	}
}
