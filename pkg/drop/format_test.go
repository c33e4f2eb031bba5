package drop

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

func csv(c Compression) Format {
	return Format{FileFormat: CSV, Compression: c, CSV: CSVOptions{Delimiter: ",", NullString: `\N`}}
}

func jsonLines(c Compression) Format { return Format{FileFormat: JSONLines, Compression: c} }

// formats are all that files come in.
func formats() []Format {
	all := []Format{{}}
	for _, c := range []Compression{Zstd, Gzip, None} {
		all = append(all, csv(c), jsonLines(c))
	}
	return all
}

func TestFormatsAreNamed(t *testing.T) {
	for want, f := range map[string]Format{
		"parquet": {}, "jsonl.gz": jsonLines(Gzip), "unknown (csv2, zstd)": {FileFormat: "csv2", Compression: Zstd},
		`csv.zst with delimiter "," and "\\N" for null`: csv(Zstd),
	} {
		if got := f.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestParquetIsLeftOut(t *testing.T) {
	data, err := manifest(1).Encode()
	if err != nil || strings.Contains(string(data), "format") {
		t.Errorf("a manifest of Parquet names a format (%v):\n%s", err, data)
	}
}

// TestPublishedKeys holds the schema's pattern of keys against those of all formats.
func TestPublishedKeys(t *testing.T) {
	_, after, _ := strings.Cut(schema, `"Object key in the bucket.",`)
	line, _, _ := strings.Cut(after, "\n                }")
	_, text, _ := strings.Cut(line, `"pattern": `)
	var pattern string
	if err := json.Unmarshal([]byte(text), &pattern); err != nil {
		t.Fatal(err)
	}
	keys := regexp.MustCompile(pattern)
	for _, f := range formats() {
		if key := f.PartKey("FACT_REVIEWS", "2026-11-23", "r-1", 0); !keys.MatchString(key) {
			t.Errorf("the schema refuses %s", key)
		}
		if keys.MatchString(f.PartKey("FACT_REVIEWS", "2026-11-23", "r-1", 0) + ".bak") {
			t.Errorf("the schema takes anything behind %s", f.ending())
		}
	}
}

func TestEmptyFiles(t *testing.T) {
	for _, f := range formats() {
		m := manifestIn(f, 0)
		m.Tables[0].Files[0].Bytes = 0
		if _, err := m.Encode(); (err == nil) != (f == jsonLines(None)) {
			t.Errorf("an empty file of %v: got %v", f, err)
		}
	}
}

func TestFormatOf(t *testing.T) {
	type agreed = configv1.Format
	for _, test := range []struct {
		agreed *agreed
		want   Format
	}{
		{nil, Format{}},
		{&agreed{Compression: configv1.Compression_COMPRESSION_SNAPPY}, Format{}},
		{&agreed{FileFormat: configv1.FileFormat_FILE_FORMAT_PARQUET, Compression: configv1.Compression_COMPRESSION_NONE}, Format{}},
		{&agreed{FileFormat: configv1.FileFormat_FILE_FORMAT_CSV}, Format{CSV, Zstd, CSVOptions{Delimiter: ","}}},
		{&agreed{
			FileFormat: configv1.FileFormat_FILE_FORMAT_CSV, Compression: configv1.Compression_COMPRESSION_GZIP,
			Csv: &configv1.CsvOptions{Delimiter: ";", NullString: "NULL"},
		}, Format{CSV, Gzip, CSVOptions{";", "NULL"}}},
		{&agreed{FileFormat: configv1.FileFormat_FILE_FORMAT_JSON_LINES, Compression: configv1.Compression_COMPRESSION_NONE}, jsonLines(None)},
		{&agreed{FileFormat: configv1.FileFormat_FILE_FORMAT_JSON_LINES, Compression: configv1.Compression_COMPRESSION_ZSTD}, jsonLines(Zstd)},
	} {
		if got := FormatOf(test.agreed); got != test.want || got.Validate() != nil {
			t.Errorf("%v is %v (%v), want %v", test.agreed, got, got.Validate(), test.want)
		}
	}
	for _, unknown := range []*agreed{{FileFormat: 9}, {FileFormat: configv1.FileFormat_FILE_FORMAT_JSON_LINES, Compression: configv1.Compression_COMPRESSION_SNAPPY}} {
		if got := FormatOf(unknown); got.Validate() == nil {
			t.Errorf("%v is taken for %v", unknown, got)
		}
	}
}

func TestCSVOptions(t *testing.T) {
	for _, good := range []CSVOptions{{",", ""}, {"\t", `\N`}, {";", "NULL"}, {"\x01", "\x02"}, {"|", " "}, {"0", "null"}, {"\x7f", "-"}, {"\v", "größe"}} {
		f := Format{CSV, Gzip, good}
		if err := f.Validate(); err != nil {
			t.Errorf("%q is refused: %v", good, err)
		}
	}
	for _, bad := range []CSVOptions{
		{"", ""},
		{",,", ""},
		{"\"", ""},
		{"\n", ""},
		{"\r", ""},
		{"\x00", ""},
		{"ü", ""},
		{"\x80", ""},
		{",\n", ""},
		{",", "a,b"},
		{",", "\""},
		{",", "\r"},
		{",", "\n"},
		{";", "a;"},
		{",", "\x00"},
	} {
		f := Format{CSV, Gzip, bad}
		if err := f.Validate(); err == nil || !strings.Contains(err.Error(), "format: csv.") {
			t.Errorf("%q: got %v, want a fault of the format", bad, err)
		}
	}
}
