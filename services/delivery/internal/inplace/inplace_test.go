package inplace_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/customer-exports/exports/services/delivery/internal/inplace"
)

// schema has every type that the Data Dictionary has.
var schema = arrow.NewSchema([]arrow.Field{
	{Name: "number", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	{Name: "money", Type: &arrow.Decimal128Type{Precision: 12, Scale: 2}, Nullable: true},
	{Name: "score", Type: arrow.PrimitiveTypes.Float64},
	{Name: "flag", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
	{Name: "body", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "raw", Type: arrow.BinaryTypes.Binary, Nullable: true},
	{Name: "day", Type: arrow.FixedWidthTypes.Date32},
	{Name: "time", Type: arrow.FixedWidthTypes.Time64us, Nullable: true},
	{Name: "moment", Type: &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}, Nullable: true},
}, nil)

// rows draws so many; a part of them has no value.
func rows(n int, nulls float64) arrow.Record {
	random := rand.New(rand.NewPCG(uint64(n), 7)) //nolint:gosec // repeatable
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	for range n {
		for i, f := range schema.Fields() {
			if f.Nullable && random.Float64() < nulls {
				b.Field(i).AppendNull()
				continue
			}
			appendTo(b.Field(i), random)
		}
	}
	return b.NewRecord()
}

func appendTo(b array.Builder, random *rand.Rand) {
	text := bytes.Repeat([]byte("ä"), random.IntN(40))
	switch b := b.(type) {
	case *array.Int64Builder:
		b.Append(random.Int64())
	case *array.Decimal128Builder:
		b.Append(decimal128.New(random.Int64(), random.Uint64()))
	case *array.Float64Builder:
		b.Append(random.NormFloat64())
	case *array.BooleanBuilder:
		b.Append(random.IntN(2) == 0)
	case *array.StringBuilder:
		b.Append(string(text))
	case *array.BinaryBuilder:
		b.Append(text)
	case *array.Date32Builder:
		b.Append(arrow.Date32(random.Int32()))
	case *array.Time64Builder:
		b.Append(arrow.Time64(random.Int64()))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(random.Int64()))
	}
}

// sent is what Arrow's writer makes of records: the schema's message, and one for each.
func sent(t testing.TB, s *arrow.Schema, records []arrow.Record, opts ...ipc.Option) [][]byte {
	t.Helper()
	c := &collector{}
	w := ipc.NewWriterWithPayloadWriter(c, append(opts, ipc.WithSchema(s))...)
	for _, r := range records {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return c.all
}

type collector struct{ all [][]byte }

func (c *collector) Start() error { return nil }
func (c *collector) Close() error { return nil }

func (c *collector) WritePayload(p ipc.Payload) error {
	var out bytes.Buffer
	meta := p.Meta()
	defer meta.Release()
	padded := (meta.Len() + 7) / 8 * 8
	head := binary.LittleEndian.AppendUint32([]byte{255, 255, 255, 255}, uint32(padded)) //nolint:gosec // small
	out.Write(head)
	out.Write(append(meta.Bytes(), make([]byte, padded-meta.Len())...))
	if err := p.SerializeBody(&out); err != nil {
		return err
	}
	c.all = append(c.all, out.Bytes())
	return nil
}

// TestRowsAreThoseThatWereSent reads whole records and slices of them, with and without nulls, and from any address.
func TestRowsAreThoseThatWereSent(t *testing.T) {
	for _, n := range []int{0, 1, 7, 8, 9, 1000} {
		for _, nulls := range []float64{0, 0.3, 1} {
			want := rows(n, nulls)
			for _, want := range []arrow.Record{want, want.NewSlice(int64(n/3), int64(n-n/4))} {
				message := sent(t, schema, []arrow.Record{want})[1]
				for shift := range 8 {
					moved := append(make([]byte, shift, shift+len(message)), message...)[shift:]
					got, err := inplace.Record(schema, moved)
					if err != nil || !array.RecordEqual(got, want) {
						t.Fatalf("%d rows, nulls %g, shifted by %d: %v, or other rows", n, nulls, shift, err)
					}
				}
			}
		}
	}
}

// TestOtherMessages are each whole, and not what was agreed.
func TestOtherMessages(t *testing.T) {
	one := arrow.NewSchema(schema.Fields()[:1], nil)
	less := array.NewRecord(one, rows(5, 0).Columns()[:1], 5)
	lz4 := sent(t, schema, []arrow.Record{rows(50, 0)}, ipc.WithLZ4())
	for name, message := range map[string][]byte{
		"fewer columns": sent(t, one, []arrow.Record{less})[1], "compressed": lz4[1], "nothing": nil, "cut": lz4[1][:len(lz4[1])-1],
	} {
		if _, err := inplace.Record(schema, message); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if _, err := inplace.Record(one, sent(t, schema, []arrow.Record{rows(5, 0)})[1]); err == nil {
		t.Error("more columns: taken")
	}
	if _, err := inplace.Record(schema, lz4[0]); !errors.Is(err, inplace.ErrNoBatch) {
		t.Errorf("a schema: got %v, want ErrNoBatch", err)
	}
}

// TestMoreRowsThanThereAreBits announces them for a column of nothing but bits.
func TestMoreRowsThanThereAreBits(t *testing.T) {
	flags := arrow.NewSchema([]arrow.Field{{Name: "flag", Type: arrow.FixedWidthTypes.Boolean}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, flags)
	b.Field(0).(*array.BooleanBuilder).AppendValues(make([]bool, 77), nil)
	message := sent(t, flags, []arrow.Record{b.NewRecord()})[1]
	for _, rows := range []uint64{1 << 20, 1 << 40, 1<<63 - 1} {
		lying, told := bytes.Clone(message), 0
		for at := 0; at+8 <= len(lying); at++ { // wherever the metadata says so
			if binary.LittleEndian.Uint64(lying[at:]) == 77 {
				binary.LittleEndian.PutUint64(lying[at:], rows)
				told++
			}
		}
		if _, err := inplace.Record(flags, lying); err == nil || told < 2 {
			t.Errorf("%d rows, told in %d places: %v, want an error", rows, told, err)
		}
	}
}

// TestDamage spoils every byte in turn. What is still taken can be read from its first to its last value.
func TestDamage(t *testing.T) {
	message := sent(t, schema, []arrow.Record{rows(20, 0.3)})[1]
	refused := 0
	for at := range message {
		for _, to := range []byte{0, 0x7f, 0xff, message[at] + 1} {
			spoiled := bytes.Clone(message)
			spoiled[at] = to
			got, err := inplace.Record(schema, spoiled)
			if err != nil {
				refused++
				continue
			}
			for _, column := range got.Columns() {
				for i := range column.Len() {
					_ = column.ValueStr(i)
				}
			}
		}
	}
	if refused == 0 {
		t.Error("nothing was refused")
	}
}
