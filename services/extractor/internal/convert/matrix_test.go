package convert_test

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/dictionary/arrowschema"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/extractor/internal/convert"
)

// cell is one row of the first table of TYPES.md: a type in one form of the wire. What it is tried with are
// all types that the row stands for.
type cell struct {
	row, wire, arrow string
	types            []string
	spell            spelling
	land, refused    func(dictionary.Type) []string
}

func matrix() []cell {
	short, long := numberTypes(1, 18), numberTypes(19, 38)
	cells := []cell{
		{"`FLOAT`", "float64", "float64", []string{"FLOAT"}, spellDouble, doubles, nothing},
		{"`BOOLEAN`", "bool", "bool", []string{"BOOLEAN"}, spellBoolean, booleans, nothing},
		{"`STRING`", "utf8", "utf8", []string{"STRING"}, spellText, texts, notTexts},
		{"`BINARY`", "binary", "binary", []string{"BINARY"}, spellBinary, binaries, nothing},
		{"`DATE`", "date32", "date32", []string{"DATE"}, spellDate, dates, farDates},
		{"`TIME(n)`", "int32", "time64[us]", scales("TIME"), spellClock32, clocks(ticksFit(32), true), clocks(ticksFit(32), false)},
		{"`TIME(n)`", "int64", "time64[us]", scales("TIME"), spellClock64, clocks(ticksFit(64), true), clocks(ticksFit(64), false)},
		{"`VARIANT`", "utf8", "utf8", []string{"VARIANT"}, spellText, documents, notDocuments},
		{"`OBJECT`", "utf8", "utf8", []string{"OBJECT"}, spellText, documents, notDocuments},
		{"`ARRAY`", "utf8", "utf8", []string{"ARRAY"}, spellText, documents, notDocuments},
		{"`GEOGRAPHY`", "utf8", "utf8", []string{"GEOGRAPHY"}, spellText, places, notPlaces},
		{"`VECTOR`", "utf8", "utf8", []string{"VECTOR"}, spellText, vectors, notVectors},
	}
	for _, width := range []struct {
		wire  string
		bits  int
		spell spelling
	}{{"int8", 8, spellInt8}, {"int16", 16, spellInt16}, {"int32", 32, spellInt32}, {"int64", 64, spellInt64}, {"decimal128", 128, spellDecimal}} {
		land, refused := numbersOf(width.bits, true), numbersOf(width.bits, false)
		cells = append(cells,
			cell{"`NUMBER(p,s)`, p up to 18", width.wire, "int64", short, width.spell, land, refused},
			cell{"`NUMBER(p,s)`, p above 18", width.wire, "decimal(p, s)", long, width.spell, land, refused})
	}
	for _, kind := range []dictionary.Kind{dictionary.KindTimestampNTZ, dictionary.KindTimestampLTZ, dictionary.KindTimestampTZ} {
		add := func(wire string, spell spelling, fits func(dictionary.Type, string) bool) {
			row := fmt.Sprintf("`%s(n)`", kind)
			cells = append(cells, cell{row, wire, "timestamp[us, tz=UTC]", scales(kind), spell, moments(fits, true), moments(fits, false)})
		}
		add("int64", spellEpoch, ticksFit(64))
		if kind == dictionary.KindTimestampTZ {
			add("struct {epoch, timezone}", spellZoned, ticksFit(64))
			add("struct {epoch, fraction, timezone}", spellZonedParts, anyFits)
			continue
		}
		add("struct {epoch, fraction}", spellParts, anyFits)
		add("struct {epoch, negative fraction}", spellNegativeParts, anyFits)
	}
	return cells
}

// TestMatrix tries every cell with every type that it stands for: nothing is lost, and what would be is refused.
func TestMatrix(t *testing.T) {
	for _, c := range matrix() {
		t.Run(c.row+" from "+c.wire, func(t *testing.T) {
			for _, kind := range c.types {
				declared, err := dictionary.ParseType(kind)
				if err != nil {
					t.Fatal(err)
				}
				good, bad := c.land(declared), c.refused(declared)
				if len(good) == 0 {
					t.Fatalf("%s: nothing is tried", kind)
				}
				c.keeps(t, declared, good, bad)
				c.refuses(t, declared, good[0], bad)
			}
		})
	}
}

// keeps converts the values with nulls in every place, in slices of larger arrays, and one by one.
func (c cell) keeps(t *testing.T, declared dictionary.Type, good, bad []string) {
	t.Helper()
	spell := func(texts []string) arrow.Array { return c.spell(t, declared, texts) }
	gaps := make([]string, 0, 2*len(good))
	for _, text := range good {
		gaps = append(gaps, text, null)
	}
	nulls := slices.Repeat([]string{null}, 9)
	around := slices.Concat(bad, nulls, good, nulls, bad)
	from := int64(len(bad))
	single := make([]arrow.Array, 0, len(good))
	for _, text := range good {
		single = append(single, spell([]string{text}))
	}
	for name, test := range map[string]struct {
		values []arrow.Array
		want   []string
	}{
		"as they are":         {[]arrow.Array{spell(good)}, good},
		"null first and last": {[]arrow.Array{spell(slices.Concat(nulls[:1], good, nulls[:1]))}, slices.Concat(nulls[:1], good, nulls[:1])},
		"nulls between":       {[]arrow.Array{spell(gaps)}, gaps},
		"only nulls":          {[]arrow.Array{spell(nulls), spell(good), array.NewNull(9)}, slices.Concat(nulls, good, nulls)},
		"a slice":             {[]arrow.Array{array.NewSlice(spell(around), from+3, from+9+int64(len(good))+5)}, slices.Concat(nulls[:6], good, nulls[:5])},
		"one by one":          {single, good},
		"bad ones under nulls": {
			[]arrow.Array{spell(good), hiding(spell(append(slices.Clone(bad), good...)))},
			slices.Concat(good, slices.Repeat([]string{null}, len(bad)+len(good))),
		},
	} {
		got, err := converted(t, declared, test.values...)
		if err != nil {
			t.Fatalf("%s, %s: %v", declared, name, err)
		}
		if diff := cmp.Diff(test.want, landed(t, declared, got)); diff != "" {
			t.Fatalf("%s, %s (-want +got):\n%s", declared, name, diff)
		}
		clean(t, declared, name, got)
	}
}

// refuses shows that one bad value fails the column, by name.
func (c cell) refuses(t *testing.T, declared dictionary.Type, good string, bad []string) {
	t.Helper()
	for _, text := range bad {
		_, err := converted(t, declared, c.spell(t, declared, []string{good, null, text, good}))
		if fault.ReasonOf(err) != fault.ReasonValueOutOfRange || fault.Retryable(err) || !strings.Contains(err.Error(), "FACT_T.c") {
			t.Fatalf("%s: %.60q gave %v; want a final %s of FACT_T.c", declared, text, err, fault.ReasonValueOutOfRange)
		}
	}
}

// converted is what comes out of a chunk with the given arrays, after its schema was compared.
func converted(t *testing.T, declared dictionary.Type, values ...arrow.Array) (arrow.Array, error) {
	t.Helper()
	layout := one(declared.String(), true)
	c, err := convert.New(layout, declaredAs(declared))
	if err != nil {
		t.Fatal(err)
	}
	batch, rows := c.Batch(1), 0
	for _, v := range values {
		rows += v.Len()
		if err := batch.Append(record(v)); err != nil {
			return nil, err
		}
	}
	rec := batch.Record()
	if want := arrowschema.Of(layout); !rec.Schema().Equal(want) || rec.NumRows() != int64(rows) || batch.Rows() != int64(rows) {
		t.Fatalf("%d rows of %s, want %d of %s", rec.NumRows(), rec.Schema(), rows, want)
	}
	return rec.Column(0), nil
}

// hiding covers all values with nulls.
func hiding(values arrow.Array) arrow.Array {
	data := values.Data()
	buffers := slices.Clone(data.Buffers())
	buffers[0] = memory.NewBufferBytes(make([]byte, values.Len()/8+1))
	return array.MakeFromData(array.NewData(data.DataType(), values.Len(), buffers, data.Children(), values.Len(), data.Offset()))
}

// clean shows that what the source keeps under a null does not leave with it.
func clean(t *testing.T, declared dictionary.Type, name string, values arrow.Array) {
	t.Helper()
	buffers := values.Data().Buffers()
	width := len(buffers[1].Bytes()) / max(values.Len(), 1)
	for i := range values.Len() {
		if values.IsValid(i) {
			continue
		}
		var empty bool
		switch v := values.(type) {
		case *array.String:
			empty = v.ValueLen(i) == 0
		case *array.Binary:
			empty = v.ValueLen(i) == 0
		case *array.Boolean:
			empty = !v.Value(i)
		default:
			empty = len(bytes.Trim(buffers[1].Bytes()[i*width:(i+1)*width], "\x00")) == 0
		}
		if !empty {
			t.Fatalf("%s, %s: there is something under the null of row %d", declared, name, i)
		}
	}
}

// Chunks of one result, and record batches of one chunk, may each use another form.
func TestFormsVary(t *testing.T) {
	byType := map[string][]cell{}
	for _, c := range matrix() {
		for _, kind := range c.types {
			byType[kind] = append(byType[kind], c)
		}
	}
	for kind, cells := range byType {
		declared, err := dictionary.ParseType(kind)
		if err != nil {
			t.Fatal(err)
		}
		var values []arrow.Array
		var want []string
		for _, c := range append(cells, cells[0]) {
			good := append(c.land(declared), null)
			values, want = append(values, c.spell(t, declared, good)), append(want, good...)
		}
		got, err := converted(t, declared, values...)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		if diff := cmp.Diff(want, landed(t, declared, got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", kind, diff)
		}
	}
}

// TestTableIsTested holds TYPES.md against the matrix: the rows are the cells.
func TestTableIsTested(t *testing.T) {
	var want []string
	for _, c := range matrix() {
		want = append(want, fmt.Sprintf("| %s | `%s` | `%s` |", c.row, c.wire, c.arrow))
		for _, kind := range c.types {
			declared, err := dictionary.ParseType(kind)
			if err != nil {
				t.Fatal(err)
			}
			text := strings.NewReplacer("p, s", fmt.Sprintf("%d, %d", declared.Precision, declared.Scale)).Replace(c.arrow)
			if got := arrowschema.Type(declared).String(); got != text {
				t.Errorf("%s lands as %s, the table says %s", kind, got, text)
			}
		}
	}
	got := table(t, "## From the source to Arrow")
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows of TYPES.md (-tested +written):\n%s", diff)
	}
}

// TestTableLands holds the second table's column of Arrow types against the dictionary's.
func TestTableLands(t *testing.T) {
	rows := table(t, "## From Arrow to the file")
	kinds := map[dictionary.Kind]bool{}
	for _, row := range rows {
		fields := strings.Split(row, "|")
		kind, lands := strings.Trim(fields[1], " `"), strings.Trim(fields[2], " `")
		declared, err := dictionary.ParseType(kind)
		if err != nil {
			t.Fatal(err)
		}
		kinds[declared.Kind] = true
		if got := arrowschema.Type(declared).String(); got != lands {
			t.Errorf("%s lands as %s, the table says %s", kind, got, lands)
		}
	}
	if len(kinds) != 15 {
		t.Errorf("%d kinds are in the table, the dictionary has 15", len(kinds))
	}
}

// table gives the body of the first table after a heading of TYPES.md.
func table(t *testing.T, heading string) []string {
	t.Helper()
	text, err := os.ReadFile("../../TYPES.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(text), heading+"\n")
	if !found {
		t.Fatalf("no heading %q", heading)
	}
	var rows []string
	for line := range strings.Lines(after) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "| "):
			rows = append(rows, line)
		case len(rows) > 0 && !strings.HasPrefix(line, "|-"):
			return rows[1:] // without the header
		}
	}
	return rows[1:]
}
