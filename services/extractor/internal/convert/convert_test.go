package convert_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/dictionary/arrowschema"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/extractor/internal/convert"
)

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
}

func declared(l *dictionary.Layout) []convert.RowType {
	want := l.Fields[0].Column.Type
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

// through converts arrays as the batches of one chunk, and gives the values of what comes out.
func through(t *testing.T, kind string, chunks ...arrow.Array) ([]string, error) {
	t.Helper()
	layout := one(kind, true)
	c, err := convert.New(layout, declared(layout))
	if err != nil {
		return nil, err
	}
	batch := c.Batch()
	defer batch.Release()
	for _, values := range chunks {
		if err := batch.Append(record(values)); err != nil {
			return nil, err
		}
	}
	got := batch.Record()
	defer got.Release()
	if !got.Schema().Equal(arrowschema.Of(layout)) {
		t.Errorf("schema is %s, want %s", got.Schema(), arrowschema.Of(layout))
	}
	return texts(got.Column(0)), nil
}

func texts(values arrow.Array) []string {
	list := make([]string, values.Len())
	for i := range list {
		list[i] = values.ValueStr(i)
		switch v := values.(type) {
		case *array.Timestamp:
			if v.IsValid(i) {
				list[i] = fmt.Sprint(int64(v.Value(i)))
			}
		case *array.Time64:
			if v.IsValid(i) {
				list[i] = fmt.Sprint(int64(v.Value(i)))
			}
		case *array.Decimal128:
			if v.IsValid(i) {
				list[i] = v.Value(i).ToString(v.DataType().(*arrow.Decimal128Type).Scale)
			}
		}
	}
	return list
}

// longs builds an array from numbers that JSON would round.
func longs(values ...int64) arrow.Array {
	b := array.NewInt64Builder(memory.DefaultAllocator)
	b.AppendValues(values, nil)
	b.AppendNull()
	return b.NewArray()
}

func leastDecimal() arrow.Array {
	b := array.NewDecimal128Builder(memory.DefaultAllocator, &arrow.Decimal128Type{Precision: 38})
	b.Append(decimal128.New(math.MinInt64, 0))
	return b.NewArray()
}

func decimals(t *testing.T, precision, scale int32, values ...string) arrow.Array {
	t.Helper()
	b := array.NewDecimal128Builder(memory.DefaultAllocator, &arrow.Decimal128Type{Precision: precision, Scale: scale})
	defer b.Release()
	for _, value := range values {
		if value == "null" {
			b.AppendNull()
			continue
		}
		number, err := decimal128.FromString(value, precision, scale)
		if err != nil {
			t.Fatal(err)
		}
		b.Append(number)
	}
	return b.NewArray()
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

func TestValues(t *testing.T) {
	nines := strings.Repeat("9", 38)
	p := arrow.PrimitiveTypes
	for name, test := range map[string]struct {
		kind   string
		values arrow.Array
		want   []string
	}{
		"int8":                {"NUMBER(18,0)", from(t, p.Int8, `[-128, null, 127]`), []string{"-128", array.NullValueStr, "127"}},
		"int16":               {"NUMBER(18,0)", from(t, p.Int16, `[-32768, null, 32767]`), []string{"-32768", array.NullValueStr, "32767"}},
		"int32":               {"NUMBER(18,0)", from(t, p.Int32, `[-2147483648, null]`), []string{"-2147483648", array.NullValueStr}},
		"int64":               {"NUMBER(18,0)", longs(999999999999999999, -999999999999999999), []string{"999999999999999999", "-999999999999999999", array.NullValueStr}},
		"decimal to integer":  {"NUMBER(18,0)", decimals(t, 38, 0, "999999999999999999", "null", "-1"), []string{"999999999999999999", array.NullValueStr, "-1"}},
		"int8 money":          {"NUMBER(12,2)", from(t, p.Int8, `[-1, null, 100]`), []string{"-0.01", array.NullValueStr, "1.00"}},
		"int32 money":         {"NUMBER(12,2)", from(t, p.Int32, `[2147483647]`), []string{"21474836.47"}},
		"int64 beyond double": {"NUMBER(19,4)", longs(9007199254740993), []string{"900719925474.0993", array.NullValueStr}},
		"int64 least":         {"NUMBER(38,0)", longs(math.MinInt64), []string{"-9223372036854775808", array.NullValueStr}},
		"38 nines":            {"NUMBER(38,0)", decimals(t, 38, 0, nines, "-"+nines, "null"), []string{nines, "-" + nines, array.NullValueStr}},
		"38 digits, scale 10": {"NUMBER(38,10)", decimals(t, 38, 10, "1234567890123456789012345678.0123456789"), []string{"1234567890123456789012345678.0123456789"}},
		"double":              {"FLOAT", from(t, p.Float64, `[1.5, null, -0.25]`), []string{"1.5", array.NullValueStr, "-0.25"}},
		"boolean":             {"BOOLEAN", from(t, arrow.FixedWidthTypes.Boolean, `[true, null, false]`), []string{"true", array.NullValueStr, "false"}},
		"date":                {"DATE", from(t, p.Date32, `["1969-12-31", null, "9999-12-31"]`), []string{"1969-12-31", array.NullValueStr, "9999-12-31"}},
		"text":                {"STRING", from(t, arrow.BinaryTypes.String, `["", null, "größe 🍕"]`), []string{"", array.NullValueStr, "größe 🍕"}},
		"json text":           {"VARIANT", from(t, arrow.BinaryTypes.String, `["{\"a\":1}", null]`), []string{`{"a":1}`, array.NullValueStr}},
		"binary":              {"BINARY", from(t, arrow.BinaryTypes.Binary, `["AP8=", null]`), []string{"AP8=", array.NullValueStr}},
		"time in seconds":     {"TIME(0)", from(t, p.Int32, `[86399, null]`), []string{"86399000000", array.NullValueStr}},
		"time in micros":      {"TIME(6)", from(t, p.Int64, `[1, 86399999999]`), []string{"1", "86399999999"}},
		"time in nanos":       {"TIME(9)", from(t, p.Int64, `[1000]`), []string{"1"}},
		"seconds":             {"TIMESTAMP_NTZ(0)", from(t, p.Int64, `[-1, null, 1]`), []string{"-1000000", array.NullValueStr, "1000000"}},
		"millis":              {"TIMESTAMP_LTZ(3)", longs(1763942400123), []string{"1763942400123000", array.NullValueStr}},
		"micros, extremes":    {"TIMESTAMP_NTZ(6)", longs(math.MinInt64, math.MaxInt64), []string{"-9223372036854775808", "9223372036854775807", array.NullValueStr}},
		"nanos":               {"TIMESTAMP_NTZ(9)", longs(-1000, 1763942400123456000), []string{"-1", "1763942400123456", array.NullValueStr}},
		"parts":               {"TIMESTAMP_NTZ(9)", from(t, parts, `[{"epoch":1,"fraction":2000}, null]`), []string{"1000002", array.NullValueStr}},
		"parts before 1970":   {"TIMESTAMP_NTZ(9)", from(t, parts, `[{"epoch":-1,"fraction":999999000}, {"epoch":0,"fraction":-1000}]`), []string{"-1", "-1"}},
		"parts, year 9999":    {"TIMESTAMP_NTZ(9)", from(t, parts, `[{"epoch":253402300799,"fraction":999999000}]`), []string{"253402300799999999"}},
		"zoned":               {"TIMESTAMP_TZ(6)", from(t, zoned, `[{"epoch":5,"timezone":2040}, null]`), []string{"5", array.NullValueStr}},
		"zoned parts":         {"TIMESTAMP_TZ(9)", from(t, zonedParts, `[{"epoch":5,"fraction":6000,"timezone":960}]`), []string{"5000006"}},
		"no rows":             {"NUMBER(12,2)", from(t, p.Int16, `[]`), []string{}},
		"only nulls":          {"DATE", array.NewNull(2), []string{array.NullValueStr, array.NullValueStr}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := through(t, test.kind, test.values)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("values differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRefusedValues(t *testing.T) {
	p := arrow.PrimitiveTypes
	for name, test := range map[string]struct {
		kind   string
		values arrow.Array
		want   fault.Reason
	}{
		"int8 of 3 digits":        {"NUMBER(2,0)", from(t, p.Int8, `[100]`), fault.ReasonValueOutOfRange},
		"int8 of -3 digits":       {"NUMBER(2,1)", from(t, p.Int8, `[-100]`), fault.ReasonValueOutOfRange},
		"int64 of 19 digits":      {"NUMBER(18,0)", longs(1000000000000000000), fault.ReasonValueOutOfRange},
		"decimal of 19 digits":    {"NUMBER(18,0)", decimals(t, 38, 0, "1000000000000000000"), fault.ReasonValueOutOfRange},
		"least 128 bits":          {"NUMBER(38,0)", leastDecimal(), fault.ReasonValueOutOfRange},
		"least 128 bits, integer": {"NUMBER(18,0)", leastDecimal(), fault.ReasonValueOutOfRange},
		"another scale":           {"NUMBER(38,2)", decimals(t, 38, 4, "1.0000"), fault.ReasonSourceTypeChanged},
		"number as double":        {"NUMBER(12,2)", from(t, p.Float64, `[1.5]`), fault.ReasonSourceTypeChanged},
		"number as text":          {"NUMBER(9,0)", from(t, arrow.BinaryTypes.String, `["1"]`), fault.ReasonSourceTypeChanged},
		"not UTF-8":               {"STRING", invalidText(), fault.ReasonValueOutOfRange},
		"text as binary":          {"STRING", from(t, arrow.BinaryTypes.Binary, `["AA=="]`), fault.ReasonSourceTypeChanged},
		"nanos":                   {"TIMESTAMP_NTZ(9)", from(t, p.Int64, `[1001]`), fault.ReasonValueOutOfRange},
		"nanos in parts":          {"TIMESTAMP_NTZ(9)", from(t, parts, `[{"epoch":1,"fraction":1}]`), fault.ReasonValueOutOfRange},
		"seconds overflow":        {"TIMESTAMP_NTZ(0)", from(t, p.Int64, `[9223372036855]`), fault.ReasonValueOutOfRange},
		"seconds underflow":       {"TIMESTAMP_NTZ(0)", from(t, p.Int64, `[-9223372036855]`), fault.ReasonValueOutOfRange},
		"parts overflow":          {"TIMESTAMP_NTZ(9)", from(t, parts, `[{"epoch":9223372036854,"fraction":999999000}]`), fault.ReasonValueOutOfRange},
		"fraction of a second":    {"TIMESTAMP_NTZ(9)", from(t, parts, `[{"epoch":1,"fraction":1000000000}]`), fault.ReasonValueOutOfRange},
		"parts without epoch":     {"TIMESTAMP_NTZ(9)", from(t, parts, `[{"epoch":null,"fraction":0}]`), fault.ReasonSourceTypeChanged},
		"timestamp as date":       {"TIMESTAMP_NTZ(6)", from(t, p.Date32, `["2026-01-01"]`), fault.ReasonSourceTypeChanged},
		"time of a whole day":     {"TIME(0)", from(t, p.Int32, `[86400]`), fault.ReasonValueOutOfRange},
		"time before midnight":    {"TIME(6)", from(t, p.Int64, `[-1]`), fault.ReasonValueOutOfRange},
		"time in nanos":           {"TIME(9)", from(t, p.Int64, `[1]`), fault.ReasonValueOutOfRange},
		"date as integer":         {"DATE", from(t, p.Int32, `[1]`), fault.ReasonSourceTypeChanged},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := through(t, test.kind, test.values)
			if fault.ReasonOf(err) != test.want || fault.Retryable(err) {
				t.Fatalf("got %v, error %v; want a final %s", got, err, test.want)
			}
			if !strings.Contains(err.Error(), "FACT_T.c") {
				t.Errorf("error %q does not name table and column", err)
			}
		})
	}
}

func invalidText() arrow.Array {
	b := array.NewStringBuilder(memory.DefaultAllocator)
	b.Append("fine")
	b.Append("\xff\xfe")
	return b.NewArray()
}

// A chunk's record batches, and a result's chunks, may each use another width.
func TestWidthsVary(t *testing.T) {
	p := arrow.PrimitiveTypes
	got, err := through(t, "NUMBER(38,2)",
		from(t, p.Int8, `[1]`), longs(math.MaxInt64),
		decimals(t, 38, 2, "123456789012345678901234567890.12"), from(t, p.Int16, `[-300]`))
	want := []string{"0.01", "92233720368547758.07", array.NullValueStr, "123456789012345678901234567890.12", "-3.00"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("values differ (-want +got), error %v:\n%s", err, diff)
	}
}

// A slice shares its parent's buffers: values and nulls must be read at its offset.
func TestSlices(t *testing.T) {
	p := arrow.PrimitiveTypes
	for kind, values := range map[string]arrow.Array{
		"NUMBER(9,0)":      from(t, p.Int16, `[7, null, 3, 4]`),
		"NUMBER(9,1)":      from(t, p.Int32, `[7, null, 3, 4]`),
		"NUMBER(38,0)":     decimals(t, 38, 0, "7", "null", "3", "4"),
		"TIMESTAMP_NTZ(6)": from(t, p.Int64, `[7, null, 3, 4]`),
		"TIMESTAMP_TZ(6)": from(t, zoned,
			`[{"epoch":7,"timezone":1}, null, {"epoch":3,"timezone":1}, {"epoch":4,"timezone":1}]`),
		"STRING": from(t, arrow.BinaryTypes.String, `["7", null, "3", "4"]`),
	} {
		got, err := through(t, kind, array.NewSlice(values, 1, 3))
		want := []string{array.NullValueStr, "3"}
		if kind == "NUMBER(9,1)" {
			want[1] = "0.3"
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: values differ (-want +got), error %v:\n%s", kind, err, diff)
		}
	}
}

func TestNullability(t *testing.T) {
	layout := one("NUMBER(9,0)", false)
	c, err := convert.New(layout, declared(layout))
	if err != nil {
		t.Fatal(err)
	}
	batch := c.Batch()
	defer batch.Release()
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
