package encodetest

import (
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/customer-exports/exports/pkg/dictionary"
)

// words has one column of every type that lands in a way of its own, and key and split column first. Of the types that
// land alike the shortest and the longest are there.
const words = `
version: test
tables:
  - name: FACT_KINDS
    definition: One row per kind.
    primary_key: [id]
    split: day
    scope: {brand: brand, location: location_id}
    columns:
      - {name: id, type: "NUMBER(18,0)", definition: Identifier.}
      - {name: day, type: DATE, definition: Day.}
      - {name: brand, type: STRING, definition: Brand.}
      - {name: location_id, type: STRING, definition: Location.}
      - {name: body, type: STRING, nullable: true, definition: 'Free "text", with commas.'}
      - {name: digit, type: "NUMBER(1,0)", nullable: true, definition: Digit.}
      - {name: count, type: "NUMBER(18,0)", nullable: true, definition: Count.}
      - {name: wide, type: "NUMBER(38,0)", nullable: true, definition: Wide.}
      - {name: rate, type: "NUMBER(1,1)", nullable: true, definition: Rate.}
      - {name: small, type: "NUMBER(9,2)", nullable: true, definition: Small money.}
      - {name: money, type: "NUMBER(12,2)", nullable: true, definition: Money.}
      - {name: long, type: "NUMBER(18,6)", nullable: true, definition: Long.}
      - {name: exact, type: "NUMBER(38,10)", nullable: true, definition: Exact.}
      - {name: price, type: "NUMBER(12,2)", definition: Price.}
      - {name: score, type: FLOAT, nullable: true, definition: Score.}
      - {name: flag, type: BOOLEAN, nullable: true, definition: Flag.}
      - {name: born, type: DATE, nullable: true, definition: Day.}
      - {name: at, type: TIMESTAMP_NTZ(6), nullable: true, definition: Instant.}
      - {name: seen, type: TIMESTAMP_TZ(3), definition: Instant.}
      - {name: hour, type: TIME(6), nullable: true, definition: Time of day.}
      - {name: payload, type: VARIANT, nullable: true, definition: JSON.}
      - {name: tags, type: ARRAY, nullable: true, definition: JSON.}
      - {name: digest, type: BINARY, nullable: true, definition: Bytes.}
`

// layoutOf selects columns; none means all.
func layoutOf(t testing.TB, columns ...string) *dictionary.Layout {
	t.Helper()
	d, err := dictionary.Parse([]byte(words))
	if err != nil {
		t.Fatal(err)
	}
	layout, err := d.Layout("FACT_KINDS", columns)
	if err != nil {
		t.Fatal(err)
	}
	return layout
}

// edges are the values of each type at which encoders and readers err. Each is what put takes.
var edges = sync.OnceValue(func() map[dictionary.Type][]any {
	d, err := dictionary.Parse([]byte(words))
	if err != nil {
		panic(err)
	}
	all := map[dictionary.Type][]any{}
	for _, c := range d.Tables[0].Columns {
		all[c.Type] = edgesOf(c.Type)
	}
	return all
})

func edgesOf(t dictionary.Type) []any {
	switch t.Kind {
	case dictionary.KindNumber:
		return numbers(t)
	case dictionary.KindFloat:
		return []any{
			0.0, math.Copysign(0, -1), 0.1, -1.5, 1e300, 5e-324, math.MaxFloat64, 123456789.123456789, 1e20, 1e21, 1e-6, 1e-7, 0x1p60,
			math.NaN(), math.Inf(1), math.Inf(-1),
		}
	case dictionary.KindBoolean:
		return []any{true, false, false}
	case dictionary.KindDate:
		return []any{days("1970-01-01"), days("1969-12-31"), days("0001-01-01"), days("9999-12-31"), days("2024-02-29"), days("1582-10-04")}
	case dictionary.KindTime:
		return []any{int64(0), int64(1), int64(86_399_999_999), int64(45_296_000_007), int64(1_000_000)}
	case dictionary.KindBinary:
		return []any{"", "\x00", "\xff\xfe\x00\x80", strings.Repeat("\x00\x01", 50)}
	case dictionary.KindVariant, dictionary.KindObject, dictionary.KindArray:
		return []any{`{"a":1}`, `[]`, `{"z": [1.50, null, "ü\n\u0000"],  "a": {}}`, `"text, with \"quotes\""`, `1e400`, `true`, `[1,2,{"deep":[[[]]]}]`}
	case dictionary.KindString:
		return texts
	default:
		return []any{
			micros("1970-01-01T00:00:00Z"), micros("1969-12-31T23:59:59.999999Z"), micros("0001-01-01T00:00:00Z"),
			micros("9999-12-31T23:59:59.999999Z"), micros("2026-11-23T05:00:00.000001Z"), micros("1900-03-01T12:00:00.5Z"),
		}
	}
}

var texts = []any{
	"", "a", "null", "NULL", "\\N", " ", "\t", "comma, \"quote\"", "line\nbreak\r\nand\rreturn", "\x00", "\ufeffmark", "ü", "日本語", "👩‍👩‍👧",
	"\u2028\u2029", strings.Repeat("long ", 500), "\u007f\u0080", "\U0010ffff", "'", "`", "<b>&amp;</b>", "-0", "1e5", "\"", "\"\"", ",", "\n",
}

// numbers are zero, both ends, and the neighbours of machine words that the precision holds.
func numbers(t dictionary.Type) []any {
	nines := strings.Repeat("9", t.Precision)
	values := []any{"0", "1", "-1", nines, "-" + nines, nines[:max(1, t.Precision-1)]}
	for _, word := range []string{"127", "32768", "2147483647", "-2147483648", "4294967296", "9223372036854775807", "-9223372036854775808", "18446744073709551616"} {
		if len(strings.TrimPrefix(word, "-")) < t.Precision {
			values = append(values, word)
		}
	}
	return values
}

func days(date string) int32 {
	return int32(instant(date+"T00:00:00Z").Unix() / 86_400)
}

func micros(text string) int64 { return instant(text).UnixMicro() }

// instant reads a constant of this package.
func instant(text string) time.Time {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		panic(err)
	}
	return at
}
