package snowflake_test

import (
	"database/sql"
	"fmt"
	"maps"
	bignum "math/big"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/google/go-cmp/cmp"

	"github.com/customer-exports/exports/deploy/local/warehouse"
	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/services/extractor/internal/source"
)

const (
	null        = "∅"
	instantForm = "2006-01-02T15:04:05.000000000Z"
)

// The results of these tests are cut small, so that a table of some rows has a chunk for each width of numbers.
var small = warehouse.Config{InlineRows: 7, ChunkRows: 10, BatchRows: 4}

func cutSmall(c *warehouse.Config) {
	c.ChunkRows, c.BatchRows, c.InlineRows = small.ChunkRows, small.BatchRows, small.InlineRows
}

const chunks = 7

// chunkOf is the chunk that holds a row; the first one comes inside the answer.
func chunkOf(row int) int { return (row + small.ChunkRows - small.InlineRows) / small.ChunkRows }

const typedRows = 7 + (chunks-1)*10

// typed is one column of a table that is made for a test: how DuckDB stores it, and its values as texts.
type typed struct {
	column dictionary.Column
	stored string
	value  func(row int) string
	// literal is the text in DuckDB's words.
	literal func(text string) string
}

func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

func bytesOf(text string) string { return fmt.Sprintf("from_hex('%x')", text) }

// nanoseconds since 1970, or since midnight, are how the warehouse stores what DuckDB's own types cannot.
func nanoseconds(text string) string {
	at, err := time.Parse(instantForm, text)
	if err != nil {
		at, err = time.Parse(instantForm, "1970-01-01T"+text+"Z")
	}
	if err != nil {
		panic(err)
	}
	sum := new(bignum.Int).Mul(bignum.NewInt(at.Unix()), bignum.NewInt(1_000_000_000))
	return sum.Add(sum, bignum.NewInt(int64(at.Nanosecond()))).String()
}

func cycle(texts ...string) func(int) string {
	return func(row int) string { return texts[row%len(texts)] }
}

// numberAt is a number of the width that the row's chunk is meant for, as far as the type has the digits.
func numberAt(d dictionary.Type) func(int) string {
	return func(row int) string {
		bits := []uint{7, 15, 31, 63, 126, 15, 7}[chunkOf(row)]
		n := new(bignum.Int).Lsh(bignum.NewInt(1), bits)
		n.Sub(n, bignum.NewInt(int64(row%10+1)))
		n.Rem(n, new(bignum.Int).Exp(bignum.NewInt(10), bignum.NewInt(int64(d.Precision)), nil))
		digits := n.String()
		digits = strings.Repeat("0", max(0, d.Scale+1-len(digits))) + digits
		if d.Scale > 0 {
			digits = digits[:len(digits)-d.Scale] + "." + digits[len(digits)-d.Scale:]
		}
		if row%2 == 1 && n.Sign() > 0 {
			return "-" + digits
		}
		return digits
	}
}

// fractionAt is a fraction of a second with the digits of the type, in whole microseconds.
func fractionAt(d dictionary.Type, row int) int {
	unit := 1000
	for digits := d.Scale; digits < 6; digits++ {
		unit *= 10
	}
	return []int{0, unit, 999_999_999 / unit * unit, 123_456_789 / unit * unit}[row%4] % 1_000_000_000
}

func clockAt(d dictionary.Type) func(int) string {
	return func(row int) string {
		second := []int{0, 86_399, 43_200, 59}[row/4%4]
		return time.Unix(int64(second), int64(fractionAt(d, row))).UTC().Format("15:04:05.000000000")
	}
}

// instantAt keeps to what int64 nanoseconds hold in every other chunk.
func instantAt(d dictionary.Type) func(int) string {
	return func(row int) string {
		near := []time.Time{time.Unix(0, 0), time.Unix(-1, 0), time.Date(1700, 3, 1, 0, 0, 0, 0, time.UTC), time.Date(2262, 4, 11, 0, 0, 0, 0, time.UTC)}
		far := []time.Time{time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), time.Unix(-1, 0), time.Unix(1, 0)}
		list := [][]time.Time{far, near}[chunkOf(row)%2]
		return list[row/4%4].UTC().Add(time.Duration(fractionAt(d, row))).Format(instantForm)
	}
}

// everyType is a table of all types, each number with every precision and each time with every scale.
func everyType() []typed {
	column := func(kind string) dictionary.Column {
		parsed, err := dictionary.ParseType(kind)
		if err != nil {
			panic(err)
		}
		name := strings.Trim(strings.NewReplacer("(", "_", ")", "", ",", "_").Replace("c_"+strings.ToLower(kind)), "_")
		return dictionary.Column{Name: name, Definition: "Test.", Type: parsed, Nullable: true}
	}
	documents := cycle(`{}`, `null`, `{"a":[1.50,"größe",null]}`, ` [ ] `)
	all := []typed{
		{column("FLOAT"), "DOUBLE", cycle("0", "-0", "NaN", "+Inf", "-Inf", "0.1", "5e-324", "1.7976931348623157e+308"), func(s string) string { return quoted(s) + "::DOUBLE" }},
		{column("BOOLEAN"), "BOOLEAN", cycle("true", "false", "false"), strings.ToLower},
		{column("STRING"), "VARCHAR", cycle("", "größe 🍕", "'; --", strings.Repeat("é", 3000)), quoted},
		{column("BINARY"), "BLOB", cycle("", "\x00", "\xff\xfe\n"), bytesOf},
		{column("DATE"), "DATE", cycle("0001-01-01", "9999-12-31", "1969-12-31", "2024-02-29"), func(s string) string { return "DATE " + quoted(s) }},
		{column("VARIANT"), "VARCHAR", documents, quoted},
		{column("OBJECT"), "VARCHAR", documents, quoted},
		{column("ARRAY"), "VARCHAR", documents, quoted},
		{column("GEOGRAPHY"), "VARCHAR", cycle(`{"type":"Point","coordinates":[-1.223500000000000e+02,37.55]}`), quoted},
		{column("VECTOR"), "VARCHAR", cycle("[1.5,-2]", "[]"), quoted},
	}
	for digits := 1; digits <= 38; digits++ {
		for _, scale := range slices.Compact([]int{0, digits / 2, digits}) {
			c := column(fmt.Sprintf("NUMBER(%d,%d)", digits, scale))
			all = append(all, typed{c, fmt.Sprintf("DECIMAL(%d, %d)", digits, scale), numberAt(c.Type), func(s string) string { return quoted(s) }})
		}
	}
	for digits := range 10 {
		c := column(fmt.Sprintf("TIME(%d)", digits))
		all = append(all, typed{c, "DECIMAL(38, 0)", clockAt(c.Type), nanoseconds})
		for _, kind := range []string{"NTZ", "LTZ", "TZ"} {
			c := column(fmt.Sprintf("TIMESTAMP_%s(%d)", kind, digits))
			all = append(all, typed{c, "DECIMAL(38, 0)", instantAt(c.Type), nanoseconds})
		}
	}
	return all
}

// valueAt leaves gaps, and one chunk without any value.
func (c typed) valueAt(row int) string {
	if c.column.Nullable && (row%5 == 3 || chunkOf(row) == 5) {
		return null
	}
	return c.value(row)
}

// create makes a table in the warehouse and its layout. Rows are the given number; the key counts them.
func (r *rig) create(t *testing.T, name string, rows int, columns []typed) *dictionary.Layout {
	t.Helper()
	key := typed{
		column: dictionary.Column{Name: "id", Definition: "Row.", Type: dictionary.Type{Kind: dictionary.KindString}},
		stored: "VARCHAR", value: func(row int) string { return fmt.Sprintf("row %03d", row) }, literal: quoted,
	}
	table := dictionary.Table{Name: name, Definition: "Test.", PrimaryKey: []string{"id"}, Scope: dictionary.ScopeRule{Shared: true}}
	all := append([]typed{key}, columns...)
	var stored []string
	values := make([]string, rows)
	for i, c := range all {
		table.Columns = append(table.Columns, c.column)
		stored = append(stored, c.column.Name+" "+c.stored)
		r.exec(t, "INSERT INTO warehouse.catalogue VALUES (?, ?, ?, ?, ?, ?, ?)", name, strings.ToUpper(c.column.Name), i+1,
			string(c.column.Type.Kind), c.column.Type.Precision, c.column.Type.Scale, c.column.Nullable)
		for row := range rows {
			text := c.value(row)
			if i > 0 {
				text = c.valueAt(row)
			}
			if text == null {
				values[row] += "NULL, "
				continue
			}
			values[row] += c.literal(text) + ", "
		}
	}
	r.exec(t, "CREATE TABLE analytics."+name+" ("+strings.Join(stored, ", ")+", _valid_from TIMESTAMP, _valid_to TIMESTAMP)")
	r.exec(t, "INSERT INTO analytics."+name+" VALUES ("+strings.Join(values, "TIMESTAMP '2026-11-01', TIMESTAMP '9999-12-31'), (")+
		"TIMESTAMP '2026-11-01', TIMESTAMP '9999-12-31')")
	d := &dictionary.Dictionary{Version: "test", Tables: []dictionary.Table{table}}
	l, err := d.Layout(name, nil)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (r *rig) exec(t *testing.T, text string, args ...any) sql.Result {
	t.Helper()
	result, err := r.warehouse.DB().ExecContext(t.Context(), text, args...)
	if err != nil {
		t.Fatalf("%.200s: %v", text, err)
	}
	return result
}

// Every type in every form that the warehouse has, read by the genuine driver: each value is the one that was
// stored. The forms that came are the rows of TYPES.md but for those that no server of ours sends.
func TestEveryType(t *testing.T) {
	r := newRigOf(t, cutSmall)
	columns := everyType()
	l := r.create(t, "FACT_TYPES", typedRows, columns)
	got := make([][]string, len(columns))
	part := source.Part{Layout: l, Scope: r.everything(t), AsOf: asOf, Rows: typedRows}
	if _, err := r.source.Read(t.Context(), r.attempt(), part, func(rec arrow.Record) error {
		for i := range columns {
			for row := range int(rec.NumRows()) {
				got[i] = append(got[i], spelled(columns[i].column.Type, rec.Column(i+1), row))
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for i, c := range columns {
		want := make([]string, typedRows)
		for row := range want {
			want[row] = c.valueAt(row)
		}
		if diff := cmp.Diff(want, got[i]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.column.Type, diff)
		}
	}
	if diff := cmp.Diff(written(t), r.forms(t, columns)); diff != "" {
		t.Errorf("forms on the wire (-TYPES.md +seen):\n%s", diff)
	}
}

func pointed(whole *bignum.Int, scale int) string {
	tens := new(bignum.Int).Exp(bignum.NewInt(10), bignum.NewInt(int64(scale)), nil)
	return new(bignum.Rat).SetFrac(whole, tens).FloatString(scale)
}

// spelled reads a value with package time and big numbers, as it was stored.
func spelled(kind dictionary.Type, values arrow.Array, row int) string {
	if values.IsNull(row) {
		return null
	}
	switch v := values.(type) {
	case *array.Int64:
		return pointed(bignum.NewInt(v.Value(row)), kind.Scale)
	case *array.Decimal128:
		return pointed(v.Value(row).BigInt(), kind.Scale)
	case *array.Float64:
		return strconv.FormatFloat(v.Value(row), 'g', -1, 64)
	case *array.Time64:
		return time.UnixMicro(int64(v.Value(row))).UTC().Format("15:04:05.000000000")
	case *array.Timestamp:
		return time.UnixMicro(int64(v.Value(row))).UTC().Format(instantForm)
	case *array.Binary:
		return string(v.Value(row))
	}
	return strings.Clone(values.ValueStr(row))
}

// written gives the forms of each kind that TYPES.md lists, without those that the warehouse does not send: a
// negative fraction, and a zoned timestamp without its zone.
func written(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("../../TYPES.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rows, _ := strings.Cut(string(text), "## From the source to Arrow")
	rows, _, _ = strings.Cut(rows, "## ")
	forms := map[string][]string{}
	for line := range strings.Lines(rows) {
		fields := strings.Split(line, "|")
		if len(fields) < 4 || !strings.Contains(fields[1], "`") {
			continue
		}
		_, kind, _ := strings.Cut(fields[1], "`")
		kind = kind[:strings.IndexAny(kind, "(`")]
		form := strings.Trim(fields[2], " `")
		if strings.Contains(form, "negative") || kind == "TIMESTAMP_TZ" && form == "int64" || slices.Contains(forms[kind], form) {
			continue
		}
		forms[kind] = append(forms[kind], form)
	}
	for _, list := range forms {
		slices.Sort(list)
	}
	return forms
}

// forms asks the same statement again and gives what the chunks hold by kind.
func (r *rig) forms(t *testing.T, columns []typed) map[string][]string {
	t.Helper()
	seen := map[string]map[string]bool{}
	asked := r.warehouse.Queries()
	for _, schema := range r.schemas(t, asked[len(asked)-1].SQL) {
		for i, c := range columns {
			kind := string(c.column.Type.Kind)
			if seen[kind] == nil {
				seen[kind] = map[string]bool{}
			}
			seen[kind][formOf(schema.Field(i+1).Type)] = true
		}
	}
	forms := map[string][]string{}
	for kind, set := range seen {
		forms[kind] = slices.Sorted(maps.Keys(set))
	}
	return forms
}

func formOf(t arrow.DataType) string {
	kind, ok := t.(*arrow.StructType)
	if !ok {
		return strings.ReplaceAll(t.Name(), "decimal", "decimal128")
	}
	var names []string
	for _, f := range kind.Fields() {
		names = append(names, f.Name)
	}
	return "struct {" + strings.Join(names, ", ") + "}"
}
