package encodetest

import (
	"compress/gzip"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/drop"
)

// csvReader reads with the standard library's encoding/csv.
type csvReader struct{}

// sees: what is in quotes looks to it like what is not, and a line end within text always is one byte.
func (csvReader) sees(f drop.Format, kind dictionary.Kind, value string) string {
	text, err := strconv.Unquote(value)
	if err != nil {
		text = value
	}
	switch {
	case value == null, (kind == dictionary.KindNumber || kind == dictionary.KindFloat) && value == f.CSV.NullString, (err == nil || value == "") && text == f.CSV.NullString:
		return null
	case err == nil:
		return strconv.Quote(strings.ReplaceAll(text, "\r\n", "\n"))
	}
	return value
}

func (csvReader) readText(t testing.TB, path string, layout *dictionary.Layout, f drop.Format) values {
	t.Helper()
	reader := csv.NewReader(unpacked(t, path, f.Compression))
	reader.Comma = rune(f.CSV.Delimiter[0])
	header, err := reader.Read()
	if err != nil {
		t.Fatalf("reading the header of %s: %v", path, err)
	}
	fields := layout.Fields[:layout.Exported]
	for i, name := range header {
		if name != fields[i].Name {
			t.Fatalf("the header has %q where %q belongs", name, fields[i].Name)
		}
	}
	columns := make(values, len(fields))
	for {
		row, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return columns
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, text := range row {
			spelled := null
			if text != f.CSV.NullString {
				spelled = ofText(t, fields[i].Column.Type.Kind, text)
			}
			columns[i] = append(columns[i], spelled)
		}
	}
}

// jsonReader reads with the standard library's encoding/json.
type jsonReader struct{}

func (jsonReader) sees(_ drop.Format, _ dictionary.Kind, value string) string { return value }

func (jsonReader) readText(t testing.TB, path string, layout *dictionary.Layout, f drop.Format) values {
	t.Helper()
	data, err := io.ReadAll(unpacked(t, path, f.Compression))
	if err != nil {
		t.Fatal(err)
	}
	fields := layout.Fields[:layout.Exported]
	columns := make(values, len(fields))
	for line := range strings.Lines(string(data)) {
		var row map[string]json.RawMessage
		if err := json.Unmarshal([]byte(line), &row); err != nil || len(row) != len(fields) || !strings.HasSuffix(line, "}\n") {
			t.Fatalf("line %.200q: %v", line, err)
		}
		for i, field := range fields {
			columns[i] = append(columns[i], ofJSON(t, field.Column.Type, string(row[field.Name])))
		}
	}
	return columns
}

func ofJSON(t testing.TB, of dictionary.Type, value string) string {
	t.Helper()
	kind, quoted := of.Kind, strings.HasPrefix(value, `"`)
	switch {
	case value == "null":
		return null
	case document(kind):
		return strconv.Quote(value)
	case !quoted && (kind == dictionary.KindNumber && !(of.Scale > 0 && of.Precision > 15) || kind == dictionary.KindFloat || kind == dictionary.KindBoolean):
		return ofText(t, kind, value)
	}
	var text string
	if err := json.Unmarshal([]byte(value), &text); err != nil {
		t.Fatalf("%s %.200q is no string: %v", kind, value, err)
	}
	if kind == dictionary.KindBoolean || kind == dictionary.KindNumber && (of.Scale == 0 || of.Precision <= 15) || kind == dictionary.KindFloat && text != "NaN" && text != "Infinity" && text != "-Infinity" {
		t.Fatalf("the %s %q is in quotes", kind, text)
	}
	return ofText(t, kind, text)
}

// ofText judges a value's text and spells it as values do.
func ofText(t testing.TB, kind dictionary.Kind, text string) string {
	t.Helper()
	spelled, err := text, error(nil)
	switch kind {
	case dictionary.KindNumber, dictionary.KindBoolean:
	case dictionary.KindFloat:
		var f float64
		f, err = strconv.ParseFloat(text, 64)
		spelled = float(f)
	case dictionary.KindDate:
		spelled, err = since(time.DateOnly, text, 86_400_000_000)
	case dictionary.KindTime:
		spelled, err = since("2006-01-02T15:04:05.000000", "1970-01-01T"+text, 1)
	case dictionary.KindTimestampNTZ, dictionary.KindTimestampLTZ, dictionary.KindTimestampTZ:
		spelled, err = since("2006-01-02T15:04:05.000000Z", text, 1)
	case dictionary.KindBinary:
		var data []byte
		data, err = base64.StdEncoding.Strict().DecodeString(text)
		spelled = hex.EncodeToString(data)
	default:
		spelled = strconv.Quote(text)
	}
	if err != nil {
		t.Fatalf("%s %.200q: %v", kind, text, err)
	}
	return spelled
}

// since counts units of so many microseconds since 1970; the text must be the one that the layout gives.
func since(layout, text string, unit int64) (string, error) {
	at, err := time.Parse(layout, text)
	if err == nil && at.Format(layout) != text {
		err = fmt.Errorf("not of the form %s", layout)
	}
	return strconv.FormatInt(at.UnixMicro()/unit, 10), err
}

// unpacked is the text of a file that the test leaves behind.
func unpacked(t testing.TB, path string, c drop.Compression) io.Reader {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	switch c {
	case drop.Gzip:
		unzipped, err := gzip.NewReader(file)
		if err != nil {
			t.Fatal(err)
		}
		return unzipped
	case drop.Zstd:
		unpacked, err := zstd.NewReader(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(unpacked.Close)
		return unpacked
	}
	return file
}
