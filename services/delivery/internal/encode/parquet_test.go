package encode_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/parquet-go/parquet-go"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/dictionary/arrowschema"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/delivery/internal/encode"
)

// words has one column of every type that lands in a way of its own.
const words = `
version: test
tables:
  - name: FACT_KINDS
    definition: One row per kind.
    primary_key: [id]
    scope: {brand: brand, location: location_id}
    columns:
      - {name: id, type: STRING, definition: Identifier.}
      - {name: brand, type: STRING, definition: Brand.}
      - {name: location_id, type: STRING, definition: Location.}
      - {name: count, type: "NUMBER(18,0)", nullable: true, definition: Count.}
      - {name: small, type: "NUMBER(9,2)", nullable: true, definition: Small money.}
      - {name: money, type: "NUMBER(12,2)", nullable: true, definition: Money.}
      - {name: exact, type: "NUMBER(38,10)", nullable: true, definition: Exact.}
      - {name: score, type: FLOAT, nullable: true, definition: Score.}
      - {name: flag, type: BOOLEAN, nullable: true, definition: Flag.}
      - {name: day, type: DATE, nullable: true, definition: Day.}
      - {name: at, type: TIMESTAMP_NTZ(6), nullable: true, definition: Instant.}
      - {name: hour, type: TIME(6), nullable: true, definition: Time of day.}
      - {name: payload, type: VARIANT, nullable: true, definition: JSON.}
      - {name: digest, type: BINARY, nullable: true, definition: Bytes.}
`

var wantTypes = map[string]string{
	"id": "STRING", "brand": "STRING", "location_id": "STRING", "count": "INT(64,true)",
	"small": "DECIMAL(9,2)", "money": "DECIMAL(12,2)", "exact": "DECIMAL(38,10)", "score": "DOUBLE", "flag": "BOOLEAN",
	"day": "DATE", "at": "TIMESTAMP(isAdjustedToUTC=true,unit=MICROS)", "hour": "TIME(isAdjustedToUTC=true,unit=MICROS)",
	"payload": "STRING", "digest": "BYTE_ARRAY",
}

var asOf = time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)

func TestFileIsReadableByAnotherLibrary(t *testing.T) {
	layout := layoutOf(t)
	for _, rows := range []int{0, 1, 65_535, 200_001} {
		for _, codec := range []encode.Compression{encode.Zstd, encode.Snappy, encode.Gzip, encode.None} {
			if rows > 65_535 && codec != encode.Zstd {
				continue
			}
			t.Run(fmt.Sprintf("%d rows codec %d", rows, codec), func(t *testing.T) {
				data, stats := encodeRows(t, layout, codec, rows, 8_192)
				if stats.Rows != int64(rows) || (stats.ArrowBytes > 0) != (rows > 0) {
					t.Errorf("stats: got %+v, want %d rows", stats, rows)
				}
				checkFile(t, layout, data, rows)
			})
		}
	}
}

func TestRowGroupsAreBounded(t *testing.T) {
	data, _ := encodeRows(t, layoutOf(t), encode.Snappy, 1_200_000, 65_536)
	file, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if got := len(file.RowGroups()); got != 3 {
		t.Errorf("row groups: got %d, want 3", got)
	}
	for i, g := range file.RowGroups() {
		if g.NumRows() > 1<<20 {
			t.Errorf("row group %d has %d rows", i, g.NumRows())
		}
	}
}

func TestDictionaryOnlyWhereValuesRepeat(t *testing.T) {
	data, _ := encodeRows(t, layoutOf(t), encode.Zstd, 10_000, 1_000)
	file, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"id", "brand"} {
		meta := file.Metadata().RowGroups[0].Columns[i].MetaData
		if got, want := meta.DictionaryPageOffset != 0, name == "brand"; got != want {
			t.Errorf("column %s has a dictionary: got %v, want %v", name, got, want)
		}
		if len(meta.Statistics.MinValue) == 0 || len(meta.Statistics.MaxValue) == 0 {
			t.Errorf("column %s has no statistics", name)
		}
	}
}

func TestNullInRequiredColumnIsRefused(t *testing.T) {
	layout := layoutOf(t)
	p, err := encode.NewParquet(io.Discard, encode.File{RunID: "r", AsOf: asOf, Layout: layout})
	if err != nil {
		t.Fatal(err)
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrowschema.Of(layout))
	for _, f := range b.Fields() {
		f.AppendNull()
	}
	if err := p.Write(b.NewRecord()); fault.ReasonOf(err) != fault.ReasonSchemaMismatch {
		t.Errorf("Write: got %v, want SCHEMA_MISMATCH", err)
	}
	if _, err := p.Close(); err != nil {
		t.Errorf("Close after a refused batch: %v", err)
	}
}

func checkFile(t *testing.T, layout *dictionary.Layout, data []byte, rows int) {
	t.Helper()
	file, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if file.NumRows() != int64(rows) {
		t.Errorf("rows: got %d, want %d", file.NumRows(), rows)
	}
	for i, column := range file.Root().Columns() {
		field := layout.Fields[i]
		if column.Name() != field.Name || column.Optional() != field.Column.Nullable || column.Required() == field.Column.Nullable {
			t.Errorf("column %d: got %s optional %v, want %s nullable %v", i, column.Name(), column.Optional(), field.Name, field.Column.Nullable)
		}
		if got := typeOf(column.Type()); got != wantTypes[field.Name] {
			t.Errorf("column %s: got %s, want %s", field.Name, got, wantTypes[field.Name])
		}
	}
	checkMetadata(t, file)
	checkValues(t, file, rows)
}

func typeOf(p parquet.Type) string {
	if p.LogicalType() == nil {
		return p.Kind().String()
	}
	return p.LogicalType().String()
}

func checkMetadata(t *testing.T, file *parquet.File) {
	t.Helper()
	for key, want := range map[string]string{
		encode.MetaRunID: "acme-daily-20261123-1", encode.MetaTable: "FACT_KINDS", encode.MetaAsOf: "2026-11-23T05:00:00Z",
	} {
		if got, _ := file.Lookup(key); got != want {
			t.Errorf("%s: got %q, want %q", key, got, want)
		}
	}
	text, _ := file.Lookup(encode.MetaColumns)
	var columns []map[string]any
	if err := json.Unmarshal([]byte(text), &columns); err != nil || len(columns) != len(wantTypes) {
		t.Errorf("%s: got %d columns, %v", encode.MetaColumns, len(columns), err)
	}
}

// checkValues decodes every page and compares columns that tell rows apart.
func checkValues(t *testing.T, file *parquet.File, rows int) {
	t.Helper()
	row := 0
	buffer := make([]parquet.Row, 1000)
	for _, group := range file.RowGroups() {
		reader := group.Rows()
		for {
			n, err := reader.ReadRows(buffer)
			for _, r := range buffer[:n] {
				checkRow(t, r, row)
				row++
			}
			if err != nil {
				break
			}
		}
		_ = reader.Close()
	}
	if row != rows {
		t.Errorf("decoded rows: got %d, want %d", row, rows)
	}
}

func checkRow(t *testing.T, r parquet.Row, i int) {
	t.Helper()
	if got, want := r[0].String(), idOf(i); got != want {
		t.Fatalf("row %d: id is %s, want %s", i, got, want)
	}
	if i%5 == 0 {
		if !r[5].IsNull() || !r[10].IsNull() {
			t.Fatalf("row %d: want nulls, got %v %v", i, r[5], r[10])
		}
		return
	}
	if r[3].Int64() != int64(i) || r[4].Int32() != int32(-i%1000) || r[5].Int64() != int64(-i) || r[10].Int64() != asOf.UnixMicro()+int64(i) {
		t.Fatalf("row %d: got %v", i, r)
	}
	var exact [16]byte
	copy(exact[:], r[6].ByteArray())
	if got := decimal128.New(int64(be(exact[:8])), be(exact[8:])); got != decimal128.FromI64(int64(i)).Negate() {
		t.Fatalf("row %d: exact is %v", i, got)
	}
}

func be(b []byte) (n uint64) {
	for _, x := range b {
		n = n<<8 | uint64(x)
	}
	return n
}

func idOf(i int) string { return fmt.Sprintf("id-%08d", i) }

func encodeRows(t *testing.T, layout *dictionary.Layout, codec encode.Compression, rows, perBatch int) ([]byte, encode.Stats) {
	t.Helper()
	var sink bytes.Buffer
	p, err := encode.NewParquet(&sink, encode.File{RunID: "acme-daily-20261123-1", AsOf: asOf, Layout: layout, Compression: codec})
	if err != nil {
		t.Fatal(err)
	}
	for from := 0; from < rows; from += perBatch {
		batch := makeBatch(layout, from, min(from+perBatch, rows))
		if err := p.Write(batch); err != nil {
			t.Fatal(err)
		}
		batch.Release()
	}
	stats, err := p.Close()
	if err != nil {
		t.Fatal(err)
	}
	return sink.Bytes(), stats
}

func makeBatch(layout *dictionary.Layout, from, until int) arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrowschema.Of(layout))
	defer b.Release()
	for i := from; i < until; i++ {
		b.Field(0).(*array.StringBuilder).Append(idOf(i))
		b.Field(1).(*array.StringBuilder).Append("corner bistro")
		b.Field(2).(*array.StringBuilder).Append(fmt.Sprintf("loc-%d", i%7))
		if i%5 == 0 {
			for _, f := range b.Fields()[3:] {
				f.AppendNull()
			}
			continue
		}
		b.Field(3).(*array.Int64Builder).Append(int64(i))
		b.Field(4).(*array.Decimal128Builder).Append(decimal128.FromI64(int64(-i % 1000)))
		b.Field(5).(*array.Decimal128Builder).Append(decimal128.FromI64(int64(-i)))
		b.Field(6).(*array.Decimal128Builder).Append(decimal128.FromI64(int64(-i)))
		b.Field(7).(*array.Float64Builder).Append(float64(i) / 3)
		b.Field(8).(*array.BooleanBuilder).Append(i%2 == 0)
		b.Field(9).(*array.Date32Builder).Append(arrow.Date32(i % 20000))
		b.Field(10).(*array.TimestampBuilder).Append(arrow.Timestamp(asOf.UnixMicro() + int64(i)))
		b.Field(11).(*array.Time64Builder).Append(arrow.Time64(i))
		b.Field(12).(*array.StringBuilder).Append(`{"n":1}`)
		b.Field(13).(*array.BinaryBuilder).Append([]byte{byte(i), 0, 255})
	}
	return b.NewRecord()
}

func layoutOf(t *testing.T) *dictionary.Layout {
	t.Helper()
	d, err := dictionary.Parse([]byte(words))
	if err != nil {
		t.Fatal(err)
	}
	layout, err := d.Layout("FACT_KINDS", nil)
	if err != nil {
		t.Fatal(err)
	}
	return layout
}
