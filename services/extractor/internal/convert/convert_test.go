package convert_test

import (
	"math"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/extractor/internal/convert"
)

func TestMain(m *testing.M) {
	convert.SpoilRecords()
	m.Run()
}

// one lays out a table FACT_T of the one column c.
func one(kind string, nullable bool) *dictionary.Layout {
	parsed, err := dictionary.ParseType(kind)
	if err != nil {
		panic(err)
	}
	column := dictionary.Column{Name: "c", Type: parsed, Nullable: nullable}
	table := &dictionary.Table{Name: "FACT_T", Columns: []dictionary.Column{column}}
	return &dictionary.Layout{
		Table: table, Exported: 1, BrandField: -1, LocationField: -1,
		Fields: []dictionary.Field{{Name: "c", Column: &table.Columns[0]}},
	}
}

// words are the source's names of the kinds, as a query of that column would answer.
var words = map[dictionary.Kind]string{
	dictionary.KindNumber: "fixed", dictionary.KindFloat: "real", dictionary.KindString: "text",
	dictionary.KindVariant: "text", dictionary.KindObject: "text", dictionary.KindArray: "text",
	dictionary.KindGeography: "text", dictionary.KindVector: "text",
}

func declared(l *dictionary.Layout) []convert.RowType { return declaredAs(l.Fields[0].Column.Type) }

func declaredAs(want dictionary.Type) []convert.RowType {
	word, ok := words[want.Kind]
	if !ok {
		word = strings.ToLower(string(want.Kind))
	}
	return []convert.RowType{{Name: "C", Type: word, Precision: want.Precision, Scale: want.Scale}}
}

func record(values arrow.Array) arrow.Record {
	schema := arrow.NewSchema([]arrow.Field{{Name: "C", Type: values.DataType(), Nullable: true}}, nil)
	return array.NewRecord(schema, []arrow.Array{values}, int64(values.Len()))
}

// from builds an array from the JSON form of its values.
func from(t *testing.T, kind arrow.DataType, text string) arrow.Array {
	t.Helper()
	values, _, err := array.FromJSON(memory.DefaultAllocator, kind, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return values
}

var (
	parts = arrow.StructOf(
		arrow.Field{Name: "epoch", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		arrow.Field{Name: "fraction", Type: arrow.PrimitiveTypes.Int32, Nullable: true})
	zoned = arrow.StructOf(
		arrow.Field{Name: "epoch", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		arrow.Field{Name: "timezone", Type: arrow.PrimitiveTypes.Int32, Nullable: true})
	zonedParts = arrow.StructOf(
		arrow.Field{Name: "epoch", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		arrow.Field{Name: "fraction", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
		arrow.Field{Name: "timezone", Type: arrow.PrimitiveTypes.Int32, Nullable: true})
)

// Forms that no chunk has are refused, even when a reading of them could be guessed.
func TestUnknownForms(t *testing.T) {
	p := arrow.PrimitiveTypes
	fields := func(list ...arrow.Field) *arrow.StructType { return arrow.StructOf(list...) }
	epoch, fraction := arrow.Field{Name: "epoch", Type: p.Int64, Nullable: true}, arrow.Field{Name: "fraction", Type: p.Int32, Nullable: true}
	for name, test := range map[string]struct {
		kind   string
		values arrow.Array
	}{
		"another scale":            {"NUMBER(38,2)", from(t, &arrow.Decimal128Type{Precision: 38, Scale: 4}, `["1.0000"]`)},
		"another scale, integer":   {"NUMBER(9,0)", from(t, &arrow.Decimal128Type{Precision: 38, Scale: 1}, `["1.0"]`)},
		"number as double":         {"NUMBER(12,2)", from(t, p.Float64, `[1.5]`)},
		"number as text":           {"NUMBER(9,0)", from(t, arrow.BinaryTypes.String, `["1"]`)},
		"number as unsigned":       {"NUMBER(9,0)", from(t, p.Uint8, `[1]`)},
		"double as single":         {"FLOAT", from(t, p.Float32, `[1.5]`)},
		"boolean as number":        {"BOOLEAN", from(t, p.Int8, `[1]`)},
		"text as binary":           {"STRING", from(t, arrow.BinaryTypes.Binary, `["AA=="]`)},
		"binary as text":           {"BINARY", from(t, arrow.BinaryTypes.String, `["AA=="]`)},
		"JSON as binary":           {"VARIANT", from(t, arrow.BinaryTypes.Binary, `["e30="]`)},
		"large text":               {"STRING", from(t, arrow.BinaryTypes.LargeString, `["a"]`)},
		"object as struct":         {"OBJECT", from(t, parts, `[{"epoch":1,"fraction":0}]`)},
		"vector as list":           {"VECTOR", from(t, arrow.FixedSizeListOf(1, p.Float32), `[[1.5]]`)},
		"date as integer":          {"DATE", from(t, p.Int32, `[1]`)},
		"date in milliseconds":     {"DATE", from(t, p.Date64, `["2026-01-01"]`)},
		"time as Arrow's":          {"TIME(6)", from(t, arrow.FixedWidthTypes.Time64us, `["00:00:01"]`)},
		"timestamp as Arrow's":     {"TIMESTAMP_NTZ(6)", from(t, arrow.FixedWidthTypes.Timestamp_us, `["2026-01-01T00:00:00Z"]`)},
		"timestamp as date":        {"TIMESTAMP_NTZ(6)", from(t, p.Date32, `["2026-01-01"]`)},
		"timestamp in 32 bits":     {"TIMESTAMP_NTZ(0)", from(t, p.Int32, `[1]`)},
		"parts without epoch":      {"TIMESTAMP_NTZ(9)", from(t, parts, `[{"epoch":null,"fraction":0}]`)},
		"parts without fraction":   {"TIMESTAMP_NTZ(9)", from(t, parts, `[{"epoch":1,"fraction":null}]`)},
		"zone without its value":   {"TIMESTAMP_TZ(9)", from(t, zonedParts, `[{"epoch":1,"fraction":0,"timezone":null}]`)},
		"zone where there is none": {"TIMESTAMP_NTZ(9)", from(t, zonedParts, `[{"epoch":1,"fraction":0,"timezone":1440}]`)},
		"no zone where one is":     {"TIMESTAMP_TZ(9)", from(t, parts, `[{"epoch":1,"fraction":0}]`)},
		"fraction by another name": {"TIMESTAMP_NTZ(9)", from(t, fields(epoch, arrow.Field{Name: "nanos", Type: p.Int32}), `[{"epoch":1,"nanos":5000}]`)},
		"fraction of 64 bits":      {"TIMESTAMP_NTZ(9)", from(t, fields(epoch, arrow.Field{Name: "fraction", Type: p.Int64}), `[{"epoch":1,"fraction":0}]`)},
		"epoch alone":              {"TIMESTAMP_NTZ(9)", from(t, fields(epoch), `[{"epoch":1}]`)},
		"one field too many":       {"TIMESTAMP_NTZ(9)", from(t, fields(epoch, fraction, arrow.Field{Name: "more", Type: p.Int8}), `[{"epoch":1,"fraction":0,"more":1}]`)},
	} {
		t.Run(name, func(t *testing.T) {
			parsed, err := dictionary.ParseType(test.kind)
			if err != nil {
				t.Fatal(err)
			}
			_, err = converted(t, parsed, test.values)
			if fault.ReasonOf(err) != fault.ReasonSourceTypeChanged || fault.Retryable(err) || !strings.Contains(err.Error(), "FACT_T.c") {
				t.Errorf("got %v; want a final %s of FACT_T.c", err, fault.ReasonSourceTypeChanged)
			}
		})
	}
}

// A fraction in nanoseconds is less than a second, whatever the text of an instant can say.
func TestFractionOfASecond(t *testing.T) {
	parsed := dictionary.Type{Kind: dictionary.KindTimestampNTZ, Scale: 9}
	for _, text := range []string{
		`[{"epoch":1,"fraction":1000000000}]`, `[{"epoch":1,"fraction":-1000000000}]`, `[{"epoch":-62135596800,"fraction":-1000}]`, `[{"epoch":1,"fraction":-1}]`,
	} {
		if _, err := converted(t, parsed, from(t, parts, text)); fault.ReasonOf(err) != fault.ReasonValueOutOfRange {
			t.Errorf("%s: got %v, want %s", text, err, fault.ReasonValueOutOfRange)
		}
	}
}

// Offsets that decrease would give one value the bytes of another.
func TestDamagedOffsets(t *testing.T) {
	for _, offsets := range [][]int32{{0, 3, 2, 5}, {4, 1, 4, 5}} {
		buffers := []*memory.Buffer{nil, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(offsets)), memory.NewBufferBytes([]byte("abcde"))}
		values := array.NewStringData(array.NewData(arrow.BinaryTypes.String, 3, buffers, nil, 0, 0))
		if got, err := converted(t, dictionary.Type{Kind: dictionary.KindString}, values); err == nil {
			t.Errorf("%v became %v", offsets, got)
		}
	}
}

// A double is its bits: every NaN stays the one it was.
func TestBitsOfADouble(t *testing.T) {
	want := []uint64{0x7ff8_0000_0000_0001, 0xfff0_0000_0000_0001, 0x7fff_ffff_ffff_ffff, 0x8000_0000_0000_0000, 1}
	b := array.NewFloat64Builder(memory.DefaultAllocator)
	for _, bits := range want {
		b.Append(math.Float64frombits(bits))
	}
	values, err := converted(t, dictionary.Type{Kind: dictionary.KindFloat}, b.NewArray())
	if err != nil {
		t.Fatal(err)
	}
	for i, bits := range want {
		if got := math.Float64bits(values.(*array.Float64).Value(i)); got != bits {
			t.Errorf("got %x, want %x", got, bits)
		}
	}
}

func TestNullability(t *testing.T) {
	layout := one("NUMBER(9,0)", false)
	c, err := convert.New(layout, declared(layout))
	if err != nil {
		t.Fatal(err)
	}
	batch := c.Batch(1)
	if err := batch.Append(record(from(t, arrow.PrimitiveTypes.Int8, `[1]`))); err != nil {
		t.Errorf("without a null: %v", err)
	}
	if err := batch.Append(record(from(t, arrow.PrimitiveTypes.Int8, `[1, null]`))); fault.ReasonOf(err) != fault.ReasonValueOutOfRange {
		t.Errorf("with a null: %v, want %s", err, fault.ReasonValueOutOfRange)
	}
}

func TestRowTypes(t *testing.T) {
	for name, test := range map[string]struct {
		kind string
		got  []convert.RowType
		want fault.Reason
	}{
		"same":              {"NUMBER(12,2)", []convert.RowType{{Name: "C", Type: "fixed", Precision: 12, Scale: 2}}, ""},
		"narrower":          {"NUMBER(12,2)", []convert.RowType{{Name: "C", Type: "fixed", Precision: 9, Scale: 2}}, ""},
		"finer timestamp":   {"TIMESTAMP_NTZ(6)", []convert.RowType{{Name: "C", Type: "timestamp_ntz", Scale: 9}}, ""},
		"none":              {"DATE", nil, fault.ReasonSourceColumnMissing},
		"another":           {"DATE", []convert.RowType{{Name: "D", Type: "date"}}, fault.ReasonSourceColumnMissing},
		"one too many":      {"DATE", []convert.RowType{{Name: "C", Type: "date"}, {Name: "D", Type: "date"}}, fault.ReasonSourceColumnMissing},
		"wider":             {"NUMBER(12,2)", []convert.RowType{{Name: "C", Type: "fixed", Precision: 14, Scale: 2}}, fault.ReasonSourceTypeChanged},
		"another scale":     {"NUMBER(12,2)", []convert.RowType{{Name: "C", Type: "fixed", Precision: 12, Scale: 3}}, fault.ReasonSourceTypeChanged},
		"text for number":   {"NUMBER(12,2)", []convert.RowType{{Name: "C", Type: "text"}}, fault.ReasonSourceTypeChanged},
		"zone for no zone":  {"TIMESTAMP_NTZ(6)", []convert.RowType{{Name: "C", Type: "timestamp_tz", Scale: 6}}, fault.ReasonSourceTypeChanged},
		"impossible scale":  {"TIMESTAMP_NTZ(6)", []convert.RowType{{Name: "C", Type: "timestamp_ntz", Scale: 30}}, fault.ReasonSourceTypeChanged},
		"bare VARIANT":      {"VARIANT", []convert.RowType{{Name: "C", Type: "variant"}}, fault.ReasonSourceTypeChanged},
		"unknown to driver": {"STRING", []convert.RowType{{Name: "C", Type: "vector"}}, fault.ReasonSourceTypeChanged},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := convert.New(one(test.kind, true), test.got)
			if got := fault.ReasonOf(err); got != test.want || fault.Retryable(err) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
