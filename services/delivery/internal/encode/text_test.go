package encode_test

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/dictionary/arrowschema"
	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/services/delivery/internal/encode"
	"github.com/customer-exports/exports/services/delivery/internal/encode/encodetest"
)

func TestJSONLines(t *testing.T) {
	encodetest.RunText(t, encode.Maker{}.New, drop.Format{FileFormat: drop.JSONLines})
}

func TestCSV(t *testing.T) {
	encodetest.RunText(t, encode.Maker{}.New, drop.Format{FileFormat: drop.CSV, CSV: drop.CSVOptions{Delimiter: ","}})
}

func TestCSVOptions(t *testing.T) {
	for name, options := range map[string]drop.CSVOptions{
		"of Hive":               {Delimiter: "\x01", NullString: `\N`},
		"tabs":                  {Delimiter: "\t", NullString: "NULL"},
		"null like a number":    {Delimiter: ";", NullString: "0"},
		"delimiter of a number": {Delimiter: "1", NullString: "null"},
		"delimiter of a word":   {Delimiter: "e", NullString: "0.00"},
	} {
		t.Run(name, func(t *testing.T) { encodetest.RunOptions(t, encode.Maker{}.New, options) })
	}
}

// words is a table of a key and one column more, of a type that is given.
const words = `
version: test
tables:
  - name: T
    definition: One row.
    primary_key: [id]
    scope: {shared: true}
    columns:
      - {name: id, type: "NUMBER(18,0)", definition: Identifier.}
      - {name: v, type: "%s", nullable: true, definition: Value.}
`

// write spells one column of a type whole; what it holds is in Arrow's own words, and "(null)" is a null.
func write(t *testing.T, format drop.Format, kind string, column ...string) string {
	t.Helper()
	d, err := dictionary.Parse(fmt.Appendf(nil, words, kind))
	if err != nil {
		t.Fatal(err)
	}
	layout, err := d.Layout("T", nil)
	if err != nil {
		t.Fatal(err)
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrowschema.Of(layout))
	for i, v := range column {
		b.Field(0).(*array.Int64Builder).Append(int64(i))
		if text, ok := b.Field(1).(*array.StringBuilder); ok && v != "(null)" {
			text.Append(v)
		} else if err := b.Field(1).AppendValueFromString(v); err != nil {
			t.Fatal(err)
		}
	}
	var file strings.Builder
	e, err := encode.Maker{}.New(&file, encode.File{Layout: layout, Format: format})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Write(b.NewRecord()); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return file.String()
}

func csvOf(delimiter, null string) drop.Format {
	return drop.Format{FileFormat: drop.CSV, Compression: drop.None, CSV: drop.CSVOptions{Delimiter: delimiter, NullString: null}}
}

var jsonLines = drop.Format{FileFormat: drop.JSONLines, Compression: drop.None}

// TestBytes spells a few rows whole: quotes and line ends are what readers forgive and do not show.
func TestBytes(t *testing.T) {
	for name, c := range map[string]struct {
		format drop.Format
		kind   string
		column []string
		want   string
	}{
		"null and text":         {csvOf(",", ""), "STRING", []string{"(null)", "", " ", "a"}, "id,v\r\n0,\r\n1,\"\"\r\n2, \r\n3,a\r\n"},
		"null of its own":       {csvOf(";", `\N`), "STRING", []string{"(null)", `\N`, `\n`, "", ";,"}, "id;v\r\n0;\\N\r\n1;\"\\N\"\r\n2;\\n\r\n3;\"\"\r\n4;\";,\"\r\n"},
		"quotes and lines":      {csvOf(",", ""), "STRING", []string{`"`, `a"b""`, "a\r", "\n"}, "id,v\r\n0,\"\"\"\"\r\n1,\"a\"\"b\"\"\"\"\"\r\n2,\"a\r\"\r\n3,\"\n\"\r\n"},
		"header in quotes":      {csvOf("v", ""), "BOOLEAN", []string{"true", "(null)"}, "idv\"v\"\r\n0vtrue\r\n1v\r\n"},
		"number like null":      {csvOf(";", "7.00"), "NUMBER(9,2)", []string{"700", "(null)"}, "id;v\r\n0;\"7.00\"\r\n1;7.00\r\n"},
		"number with delimiter": {csvOf(".", ""), "NUMBER(9,2)", []string{"-700"}, "id.v\r\n0.\"-7.00\"\r\n"},
		"no bytes":              {csvOf(",", "NULL"), "BINARY", []string{"", "(null)"}, "id,v\r\n0,\"\"\r\n1,NULL\r\n"},
		"JSON strings":          {jsonLines, "STRING", []string{"(null)", "", "\"\\/\b\n\x7f\u2028"}, `{"id":0,"v":null}` + "\n" + `{"id":1,"v":""}` + "\n" + `{"id":2,"v":"\"\\/\u0008\n` + "\x7f\u2028" + `"}` + "\n"},
		"JSON on several lines": {jsonLines, "VARIANT", []string{"{\n \"a\": [1,\r\n 2]}\n", `"\n"`}, `{"id":0,"v":{ "a": [1, 2]}}` + "\n" + `{"id":1,"v":"\n"}` + "\n"},
		"doubles in JSON":       {jsonLines, "FLOAT", []string{"+Inf", "-0", "1e21", "0.0000001"}, `{"id":0,"v":"Infinity"}` + "\n" + `{"id":1,"v":-0.0}` + "\n" + `{"id":2,"v":1e+21}` + "\n" + `{"id":3,"v":1e-07}` + "\n"},
	} {
		if got := write(t, c.format, c.kind, c.column...); got != c.want {
			t.Errorf("%s:\ngot  %q\nwant %q", name, got, c.want)
		}
	}
}

// examples are the values that TYPES.md shows of each type, as Arrow's builders read them.
var examples = map[dictionary.Kind][]string{
	dictionary.KindFloat: {"0.1", "NaN", "-Inf"}, dictionary.KindString: {"größe"}, dictionary.KindBoolean: {"true"},
	dictionary.KindDate: {"2026-11-23"}, dictionary.KindTime: {"15:04:05"}, dictionary.KindTimestampNTZ: {"2026-11-23T05:00:00"},
	dictionary.KindTimestampLTZ: {"2026-11-23T05:00:00"}, dictionary.KindTimestampTZ: {"2026-11-23T05:00:00"},
	dictionary.KindVariant: {`{"a":1.50}`}, dictionary.KindObject: {`{"a":1.50}`}, dictionary.KindArray: {"[1.50]"},
	dictionary.KindGeography: {`{"type":"Point","coordinates":[1,2]}`}, dictionary.KindVector: {"[1.5]"}, dictionary.KindBinary: {"AP8="},
}

// numbers are those of NUMBER.
var numbers = map[string]string{"NUMBER(18,0)": "-42", "NUMBER(9,2)": "-50", "NUMBER(12,2)": "-50", "NUMBER(38,10)": "1"}

// TestTableIsWritten holds the last two columns of TYPES.md's second table against the encoders.
func TestTableIsWritten(t *testing.T) {
	text, err := os.ReadFile("../../../extractor/TYPES.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "## From Arrow to the file")
	rows := regexp.MustCompile(`(?m)^\| `+"`"+`.*\|$`).FindAllString(strings.Split(after, "\n## ")[0], -1)
	if len(rows) < 18 {
		t.Fatalf("TYPES.md has %d rows", len(rows))
	}
	for _, row := range rows {
		cells := strings.Split(row, "|")
		kind := strings.Trim(cells[1], " `")
		declared, err := dictionary.ParseType(kind)
		if err != nil {
			t.Fatal(err)
		}
		values := examples[declared.Kind]
		if declared.Kind == dictionary.KindNumber {
			values = []string{numbers[kind]}
		}
		header, start := "id,v\r\n", "%d,%s\r\n"
		for i, format := range []drop.Format{csvOf(",", ""), jsonLines} {
			if i == 1 {
				header, start = "", `{"id":%d,"v":%s}`+"\n"
			}
			want := header
			for j, cell := range strings.Split(strings.Trim(cells[4+i], " `"), "`, `") {
				want += fmt.Sprintf(start, j, cell)
			}
			if got := write(t, format, kind, values...); got != want {
				t.Errorf("%s:\ngot  %q\nwant %q", kind, got, want)
			}
		}
	}
}

func TestUnknownFormatsAreRefused(t *testing.T) {
	for _, f := range []drop.Format{{FileFormat: "xml"}, {FileFormat: drop.CSV, Compression: "snappy", CSV: drop.CSVOptions{Delimiter: ","}}, {FileFormat: drop.JSONLines}, {FileFormat: drop.CSV, Compression: drop.Gzip}} {
		if _, err := (encode.Maker{}).New(io.Discard, encode.File{Format: f}); err == nil {
			t.Errorf("%v makes an encoder", f)
		}
	}
}
