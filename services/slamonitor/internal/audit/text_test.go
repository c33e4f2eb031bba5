package audit

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/services/slamonitor/internal/sla"
)

// kinds has one column of every type that is spelled in a way of its own.
const kinds = `
version: test
tables:
  - name: T
    definition: One row.
    primary_key: [id]
    scope: {shared: true}
    columns:
      - {name: id, type: "NUMBER(18,0)", definition: Identifier.}
      - {name: money, type: "NUMBER(12,2)", nullable: true, definition: Money.}
      - {name: exact, type: "NUMBER(38,10)", nullable: true, definition: Exact.}
      - {name: score, type: FLOAT, nullable: true, definition: Score.}
      - {name: flag, type: BOOLEAN, nullable: true, definition: Flag.}
      - {name: body, type: STRING, nullable: true, definition: Text.}
      - {name: born, type: DATE, nullable: true, definition: Day.}
      - {name: hour, type: TIME(6), nullable: true, definition: Time of day.}
      - {name: at, type: TIMESTAMP_NTZ(6), nullable: true, definition: Instant.}
      - {name: digest, type: BINARY, nullable: true, definition: Bytes.}
      - {name: payload, type: VARIANT, definition: JSON.}
`

func kindsLayout(t *testing.T) *dictionary.Layout {
	t.Helper()
	d, err := dictionary.Parse([]byte(kinds))
	if err != nil {
		t.Fatal(err)
	}
	layout, err := d.Layout("T", nil)
	if err != nil {
		t.Fatal(err)
	}
	return layout
}

// Two rows, in either format; the second one has a null wherever one may be.
const (
	header   = "id;money;exact;score;flag;body;born;hour;at;digest;payload\r\n"
	firstCSV = "1;-0.50;1.0000000000;1e+21;true;\"a;\"\"b\r\n\";2026-11-23;15:04:05.000000;2026-11-23T05:00:00.000000Z;AP8=;\"{\"\"a;\"\":1.50}\"\r\n"
	wholeCSV = header + firstCSV + "2;N;N;N;N;\"N\";N;N;N;\"\";null\r\n"

	firstJSON = `{"id":1,"money":-0.50,"exact":"1.0000000000","score":1e+21,"flag":true,"body":"a\\\"b}","born":"2026-11-23",` +
		`"hour":"15:04:05.000000","at":"2026-11-23T05:00:00.000000Z","digest":"AP8=","payload":{"a":[1.50,"]}\""],"b":{}}}` + "\n"
	wholeJSON = firstJSON + `{"id":2,"money":null,"exact":null,"score":"NaN","flag":null,"body":null,"born":null,"hour":null,"at":null,"digest":"","payload":null}` + "\n"
)

var (
	plainCSV  = drop.Format{FileFormat: drop.CSV, Compression: drop.None, CSV: drop.CSVOptions{Delimiter: ";", NullString: "N"}}
	plainJSON = drop.Format{FileFormat: drop.JSONLines, Compression: drop.None}
)

func TestTextRows(t *testing.T) {
	layout := kindsLayout(t)
	for name, test := range map[string]struct {
		format drop.Format
		whole  string
		spoil  []string // what is replaced by what
		want   sla.Condition
		says   string
	}{
		"CSV":                     {plainCSV, wholeCSV, nil, sla.Verified, ""},
		"CSV, other header":       {plainCSV, wholeCSV, []string{"id;money", "money;id"}, sla.Mismatch, "header"},
		"CSV, header less":        {plainCSV, wholeCSV, []string{";payload\r", "\r"}, sla.Mismatch, "header"},
		"CSV, header more":        {plainCSV, wholeCSV, []string{";payload", ";payload;x"}, sla.Mismatch, "header"},
		"CSV, field less":         {plainCSV, wholeCSV, []string{";null", ""}, sla.Unreadable, "row 2 has not 11 fields"},
		"CSV, field more":         {plainCSV, wholeCSV, []string{";null", ";null;x"}, sla.Unreadable, "row 2 has not 11 fields"},
		"CSV, empty line":         {plainCSV, wholeCSV, []string{"\r\n2;", "\r\n\r\n2;"}, sla.Unreadable, "row 2 has not 11 fields"},
		"CSV, bare line feed":     {plainCSV, wholeCSV, []string{"\r\n2;", "\n2;"}, sla.Unreadable, "line end"},
		"CSV, bare return":        {plainCSV, wholeCSV, []string{"\r\n2;", "\r2;"}, sla.Unreadable, "carriage return"},
		"CSV, open quote":         {plainCSV, wholeCSV, []string{`;null`, `;"null`}, sla.Unreadable, "not closed"},
		"CSV, quote in text":      {plainCSV, wholeCSV, []string{`;null`, `;nu"ll`}, sla.Unreadable, "a quote"},
		"CSV, text on a quote":    {plainCSV, wholeCSV, []string{`"N"`, `"N"x`}, sla.Unreadable, "a quote"},
		"CSV, cut":                {plainCSV, wholeCSV, []string{";null\r\n", ";nu"}, sla.Unreadable, "after 1 rows: the file ends within a row"},
		"CSV, null that is none":  {plainCSV, wholeCSV, []string{"2;N", "N;N"}, sla.Mismatch, "row 2: column id is null"},
		"CSV, text like null":     {plainCSV, wholeCSV, []string{";null", `;"N"`}, sla.Verified, ""},
		"CSV, a third row":        {plainCSV, wholeCSV + firstCSV, nil, sla.Mismatch, "more than the 2 rows"},
		"CSV, empty number":       {plainCSV, wholeCSV, []string{"2;N", "2;"}, sla.Mismatch, "row 2: column money is no NUMBER(12,2)"},
		"JSON":                    {plainJSON, wholeJSON, nil, sla.Verified, ""},
		"JSON with spaces":        {plainJSON, wholeJSON, []string{`,"money":null,`, ` , "money" : null ,`}, sla.Verified, ""},
		"JSON, last line open":    {plainJSON, wholeJSON, []string{"null}\n", "null}"}, sla.Unreadable, "after 1 rows: the file ends within a line"},
		"JSON, empty line":        {plainJSON, wholeJSON, []string{"}}\n", "}}\n\n"}, sla.Unreadable, "row 2 is no JSON object"},
		"JSON, two on a line":     {plainJSON, wholeJSON, []string{"}\n{", "}{"}, sla.Unreadable, "row 1 is no JSON object"},
		"JSON, array":             {plainJSON, "[]\n", nil, sla.Unreadable, "row 1 is no JSON object"},
		"JSON, column less":       {plainJSON, wholeJSON, []string{`,"money":null`, ""}, sla.Mismatch, "row 2: column money is missing"},
		"JSON, last one less":     {plainJSON, wholeJSON, []string{`,"payload":null`, ""}, sla.Mismatch, "row 2: column payload is missing"},
		"JSON, column more":       {plainJSON, wholeJSON, []string{`"payload":null`, `"payload":null,"x":1`}, sla.Mismatch, "row 2 has more than 11 columns"},
		"JSON, in other order":    {plainJSON, wholeJSON, []string{`"money":null,"exact":null`, `"exact":null,"money":null`}, sla.Mismatch, "column money"},
		"JSON, null that is none": {plainJSON, wholeJSON, []string{`"id":2`, `"id":null`}, sla.Mismatch, "row 2: column id is null"},
		"JSON, number in quotes":  {plainJSON, wholeJSON, []string{`-0.50`, `"-0.50"`}, sla.Mismatch, "row 1: column money is no NUMBER(12,2) in JSON"},
		"JSON, bare fraction":     {plainJSON, wholeJSON, []string{`"1.0000000000"`, `1.0000000000`}, sla.Mismatch, "column exact"},
		"JSON, double in quotes":  {plainJSON, wholeJSON, []string{`1e+21`, `"1e+21"`}, sla.Mismatch, "column score"},
		"JSON, bare text":         {plainJSON, wholeJSON, []string{`"body":null`, `"body":7`}, sla.Mismatch, "column body"},
		"JSON, flag in quotes":    {plainJSON, wholeJSON, []string{`true`, `"true"`}, sla.Mismatch, "column flag"},
		"JSON, a third row":       {plainJSON, wholeJSON + firstJSON, nil, sla.Mismatch, "more than the 2 rows"},
	} {
		t.Run(name, func(t *testing.T) {
			spoilt := test.whole
			if test.spoil != nil {
				if spoilt = strings.Replace(test.whole, test.spoil[0], test.spoil[1], 1); spoilt == test.whole {
					t.Fatalf("%q is not in the file", test.spoil[0])
				}
			}
			rows, err := decodeText(t.Context(), strings.NewReader(spoilt), drop.File{Bytes: int64(len(spoilt)), Rows: 2}, test.format, layout)
			got, message := judged(err)
			if got != test.want || !strings.Contains(message, test.says) || got == sla.Verified && rows != 2 {
				t.Errorf("got %d rows, %s: %s; want %s: %s", rows, got, message, test.want, test.says)
			}
		})
	}
}

func judged(err error) (sla.Condition, string) {
	if err == nil {
		return sla.Verified, ""
	}
	if bad := (*fileError)(nil); errors.As(err, &bad) {
		return bad.condition, bad.message
	}
	return "no finding", err.Error()
}

// TestSpelling holds values against the types that they would be of.
func TestSpelling(t *testing.T) {
	for kind, values := range map[string]struct{ good, bad []string }{
		"NUMBER(3,0)":     {[]string{"0", "-999", "007"}, []string{"", "-", "1000", "1.0", "1.", "+1", "1e1", "--1"}},
		"NUMBER(3,1)":     {[]string{"0.0", "-99.9"}, []string{"0", ".5", "0.50", "100.0", "1,5"}},
		"NUMBER(2,2)":     {[]string{"0.00", "-0.99"}, []string{"10.00", "0.9"}},
		"FLOAT":           {[]string{"0", "-0.0", "1e-07", "NaN", "-Infinity", "1.5"}, []string{"", "nan", "inf", "0x1p4", "1_0", "+Infinity", "1e", "e"}},
		"BOOLEAN":         {[]string{"true", "false"}, []string{"", "TRUE", "1", "t"}},
		"DATE":            {[]string{"0001-01-01"}, []string{"", "2026-1-01", "2026/01/01", "-001-01-01", "10000-01-01", "2026-0a-01"}},
		"TIME(6)":         {[]string{"00:00:00.000000"}, []string{"00:00:00", "00:00:00.0000000"}},
		"TIMESTAMP_TZ(3)": {[]string{"2026-11-23T05:00:00.000000Z"}, []string{"2026-11-23 05:00:00.000000Z", "2026-11-23T05:00:00.000000", "2026-11-23T05:00:00.000000+00:00"}},
		"BINARY":          {[]string{"", "AP8="}, []string{"AP8", "AP9=", "A-8=", "AP8=\n"}},
		"STRING":          {[]string{"", "größe"}, []string{"gr\xf6\xdfe"}},
	} {
		declared, err := dictionary.ParseType(kind)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range values.good {
			if !spelledAs(declared, []byte(v)) {
				t.Errorf("%q is refused as %s", v, kind)
			}
		}
		for _, v := range values.bad {
			if spelledAs(declared, []byte(v)) {
				t.Errorf("%q is taken for %s", v, kind)
			}
		}
	}
}

func packed(t *testing.T, c drop.Compression, content string) []byte {
	t.Helper()
	var out bytes.Buffer
	var to io.WriteCloser
	switch c {
	case drop.Gzip:
		to = gzip.NewWriter(&out)
	case drop.Zstd:
		encoder, err := zstd.NewWriter(&out)
		if err != nil {
			t.Fatal(err)
		}
		to = encoder
	default:
		return []byte(content)
	}
	if _, err := io.WriteString(to, content); err != nil {
		t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestCompressedText(t *testing.T) {
	layout := kindsLayout(t)
	for _, c := range []drop.Compression{drop.Gzip, drop.Zstd, drop.None} {
		for name, spoil := range map[string]func([]byte) []byte{
			"whole": nil, "cut": func(b []byte) []byte { return b[:len(b)-3] }, "junk behind": func(b []byte) []byte { return append(b, "junk"...) },
			"not packed": func([]byte) []byte { return []byte("no file of ours") }, "nothing": func([]byte) []byte { return nil },
		} {
			format, data := plainCSV, packed(t, c, wholeCSV)
			if format.Compression = c; spoil != nil {
				data = spoil(data)
			}
			_, err := decodeText(t.Context(), bytes.NewReader(data), drop.File{Bytes: int64(len(data)), Rows: 2}, format, layout)
			if got, message := judged(err); (got == sla.Verified) != (spoil == nil) || got == "no finding" {
				t.Errorf("%s %s: got %s %s", c, name, got, message)
			}
		}
	}
}

// endless counts what is read of it.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	e.read += len(p)
	return len(p), nil
}

func TestEndlessRowIsGivenUp(t *testing.T) {
	source := &endless{}
	guard := &guarded{text: &text{ctx: t.Context(), layout: kindsLayout(t), format: plainCSV, most: 2}, from: source}
	if _, err := io.Copy(io.Discard, guard); err == nil || !strings.Contains(err.Error(), "a row is longer") {
		t.Errorf("got %v", err)
	}
	if source.read > maxRowBytes+1<<20 {
		t.Errorf("%d bytes were read of a row", source.read)
	}
}

func TestDecodingEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := decodeText(ctx, strings.NewReader(wholeCSV), drop.File{Key: "k", Bytes: int64(len(wholeCSV)), Rows: 2}, plainCSV, kindsLayout(t))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that the context has ended: the file is not to blame", err)
	}
}

// textPlace holds a drop of DIM_DATES as text.
func textPlace(t *testing.T, format drop.Format, rows int64, content string) *place {
	t.Helper()
	p := newPlace(t)
	p.file = packed(t, format.Compression, content)
	p.m = manifestOf(t, p.file, rows)
	p.m.Format = format
	p.m.Tables[0].Files[0].Key = format.PartKey("DIM_DATES", date, runID, 0)
	p.promised = format
	return p
}

const (
	datesHeader = "date_id,year,quarter,month,day,week,day_name_short,day_name,month_name_short,month_name,is_weekend,holiday_name\r\n"
	datesCSV    = datesHeader + "2026-11-23,2026,4,11,23,48,Mon,Monday,Nov,November,false,\r\n"
	datesJSON   = `{"date_id":"2026-11-23","year":2026,"quarter":4,"month":11,"day":23,"week":48,"day_name_short":"Mon","day_name":"Monday",` +
		`"month_name_short":"Nov","month_name":"November","is_weekend":false,"holiday_name":null}` + "\n"
)

func TestAuditOfText(t *testing.T) {
	csv, jsonLines := drop.Format{FileFormat: drop.CSV, CSV: drop.CSVOptions{Delimiter: ","}}, drop.Format{FileFormat: drop.JSONLines}
	for _, c := range []drop.Compression{drop.Zstd, drop.Gzip, drop.None} {
		csv.Compression, jsonLines.Compression = c, c
		for name, test := range map[string]struct {
			format  drop.Format
			rows    int64
			content string
		}{
			"CSV": {csv, 1, datesCSV}, "CSV without rows": {csv, 0, datesHeader},
			"JSON Lines": {jsonLines, 1, datesJSON}, "JSON Lines without rows": {jsonLines, 0, ""},
		} {
			t.Run(name+" "+string(c), func(t *testing.T) {
				p := textPlace(t, test.format, test.rows, test.content)
				p.commit(t)
				if found := p.audit(t); found.Condition() != sla.Verified {
					t.Errorf("findings %+v", found.Findings)
				}
			})
		}
	}
}

func TestAuditOfTextFinds(t *testing.T) {
	format := drop.Format{FileFormat: drop.CSV, Compression: drop.Gzip, CSV: drop.CSVOptions{Delimiter: ","}}
	for name, test := range map[string]struct {
		content string
		rows    int64
		change  func(*place)
		want    sla.Condition
		says    string
	}{
		"a row less":      {datesHeader, 1, func(*place) {}, sla.Mismatch, "holds 0 rows, the manifest says 1"},
		"other format":    {datesCSV, 1, func(p *place) { p.promised = drop.Format{} }, sla.Mismatch, "the approved revision says parquet"},
		"other delimiter": {datesCSV, 1, func(p *place) { p.promised.CSV.Delimiter = ";" }, sla.Mismatch, `says csv.gz with delimiter ";"`},
		"other columns":   {datesJSON, 1, func(*place) {}, sla.Unreadable, "a quote"},
	} {
		t.Run(name, func(t *testing.T) {
			p := textPlace(t, format, test.rows, test.content)
			test.change(p)
			p.commit(t)
			found := p.audit(t)
			if found.Condition() != test.want || !strings.Contains(found.Findings[0].Message, test.says) {
				t.Errorf("got %s %+v, want %s: %s", found.Condition(), found.Findings, test.want, test.says)
			}
		})
	}
}
