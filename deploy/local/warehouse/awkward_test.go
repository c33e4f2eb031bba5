package warehouse

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/customer-exports/exports/pkg/dictionary"
)

// everything reads all columns of a table in the dictionary's order, unscoped.
func everything(table *dictionary.Table) string {
	items := make([]string, 0, len(table.Columns))
	for _, c := range table.Columns {
		title := strings.ToUpper(c.Name)
		expression := "t." + title
		if c.Type.Kind.Semistructured() {
			expression = "TO_JSON(" + expression + ")"
		}
		items = append(items, expression+" AS "+title)
	}
	return "SELECT " + strings.Join(items, ", ") + " FROM EXPORTS.ANALYTICS." + table.Name + " " + at(after) + " AS t"
}

func TestEveryNullableColumnHoldsNulls(t *testing.T) {
	db := connect(t, openServer(t, nil))
	for i := range dictionary.Standard().Tables {
		table := &dictionary.Standard().Tables[i]
		got, err := read(t, db, everything(table))
		if err != nil || got.err() != nil {
			t.Fatal(table.Name, err, got.err())
		}
		if got.rows() != got.total || got.total == 0 {
			t.Errorf("%s: %d of %d rows", table.Name, got.rows(), got.total)
		}
		for n, c := range table.Columns {
			nulls := 0
			for _, record := range slices.Concat(got.batches...) {
				nulls += record.Column(n).NullN()
			}
			if (nulls > 0) != c.Nullable {
				t.Errorf("%s.%s: %d nulls, nullable %v", table.Name, c.Name, nulls, c.Nullable)
			}
		}
	}
}

func messages(t *testing.T, titles ...string) []string {
	t.Helper()
	db := connect(t, openServer(t, nil))
	table, _ := dictionary.Standard().Table("FACT_MESSAGES")
	got, err := read(t, db, everything(table))
	if err != nil || got.err() != nil {
		t.Fatal(err, got.err())
	}
	var all []string
	for _, title := range titles {
		all = append(all, got.values(t, title)...)
	}
	return all
}

func TestAwkwardValuesArriveExactly(t *testing.T) {
	texts := messages(t, "MESSAGE_TEXT", "SEQUENCE_NUMBER", "PAYLOAD", "CREATED_AT_DATE", "COST")
	for _, want := range []string{
		"", "🍕👩‍👩‍👧‍👦🏳️‍🌈", "e\u0301 n\u0303 ﷽ \u202eright to left", "line one\nline two\r\n\ttab",
		`'single' "double" \backslash, comma; semicolon`, strings.Repeat("0123456789", 20000), "  spaces around  ", "NULL",
		strings.Repeat("9", 38), "-" + strings.Repeat("9", 38),
		strings.Repeat(`{"level":`, 30) + `"deep"` + strings.Repeat("}", 30),
		"0001-01-01", "9999-12-31", "1969-12-31", "1582-10-14",
	} {
		if !slices.Contains(texts, want) {
			t.Errorf("%.60q is not in the data", want)
		}
	}
}

// TestTimestampForms decodes all three wire forms of one instant per awkward case.
func TestTimestampForms(t *testing.T) {
	s := openServer(t, func(c *Config) { c.InlineRows = 5000 })
	db := connect(t, s)
	got, err := read(t, db, transactions(after, "CREATED_AT_DATETIME", "CLOSED_AT_DATETIME"), allBrands, allLocations())
	if err != nil || got.err() != nil {
		t.Fatal(err, got.err())
	}
	first := got.batches[0][0]
	micros, parts := first.Column(1).(*array.Int64), first.Column(2).(*array.Struct)
	epoch, fraction := parts.Field(0).(*array.Int64), parts.Field(1).(*array.Int32)
	compared := 0
	for i := range 36 {
		if micros.IsNull(i) != parts.IsNull(i) {
			t.Errorf("row %d: one of the instants is null", i)
		}
		// The awkward cases set both columns to the same instant; the others differ by 40 minutes.
		if i < 3 || i >= 27 {
			continue
		}
		compared++
		if joined := epoch.Value(i)*1_000_000 + int64(fraction.Value(i))/1000; fraction.Value(i) < 0 || joined != micros.Value(i) {
			t.Errorf("row %d: got %d s and %d ns, want %d us", i, epoch.Value(i), fraction.Value(i), micros.Value(i))
		}
	}
	if compared == 0 {
		t.Error("no instant compared")
	}
}

func TestZonedTimestamps(t *testing.T) {
	db := connect(t, openServer(t, nil))
	table, _ := dictionary.Standard().Table("FACT_INTERACTIONS")
	got, err := read(t, db, everything(table))
	if err != nil || got.err() != nil {
		t.Fatal(err, got.err())
	}
	zones := map[string]bool{}
	for _, record := range slices.Concat(got.batches...) {
		at := record.Schema().FieldIndices("CLOSED_AT_DATETIME")[0]
		zoned := record.Column(at).(*array.Struct)
		if want := "struct<epoch: int64 nullable, timezone: int32 nullable>"; zoned.DataType().String() != want {
			t.Fatalf("got %v", zoned.DataType())
		}
		for i := range zoned.Len() {
			if zoned.IsValid(i) {
				zones[zoned.Field(1).ValueStr(i)] = true
			}
		}
	}
	if len(zones) < 4 {
		t.Errorf("got offsets %v, want several", zones)
	}
}

func TestTicks(t *testing.T) {
	for _, test := range []struct {
		micros int64
		scale  int
		want   int64
	}{{1, 6, 1}, {-1, 6, -1}, {-1, 3, -1}, {1999, 3, 1}, {1, 9, 1000}, {-1_000_001, 0, -2}} {
		if got, ok := fromMicros(test.micros).ticks(test.scale); got != test.want || !ok {
			t.Errorf("%d us are %d ticks of scale %d, %t; want %d", test.micros, got, test.scale, ok, test.want)
		}
	}
	for _, far := range []moment{{253_402_300_799, 0}, {-62_135_596_800, 0}, {math.MinInt64, 0}, {math.MaxInt64, 0}} {
		if got, ok := far.ticks(9); ok {
			t.Errorf("%d s are %d ns", far.seconds, got)
		}
	}
}

func TestNumberWidths(t *testing.T) {
	for _, test := range []struct {
		texts []string
		want  arrow.DataType
	}{
		{nil, arrow.PrimitiveTypes.Int8},
		{[]string{"127", "-128"}, arrow.PrimitiveTypes.Int8},
		{[]string{"128"}, arrow.PrimitiveTypes.Int16},
		{[]string{"-32769"}, arrow.PrimitiveTypes.Int32},
		{[]string{"2147483648"}, arrow.PrimitiveTypes.Int64},
		{[]string{"-9223372036854775808", "9223372036854775807"}, arrow.PrimitiveTypes.Int64},
		{[]string{"9223372036854775808"}, &arrow.Decimal128Type{Precision: 38}},
		{[]string{"-9223372036854775809"}, &arrow.Decimal128Type{Precision: 38}},
	} {
		b := array.NewDecimal128Builder(allocator, &arrow.Decimal128Type{Precision: 38})
		for _, text := range test.texts {
			if err := b.AppendValueFromString(text); err != nil {
				t.Fatal(err)
			}
		}
		b.AppendNull()
		source := b.NewDecimal128Array()
		got := encodeNumber(dictionary.Type{Kind: dictionary.KindNumber, Precision: 38}, source)
		if !arrow.TypeEqual(got.DataType(), test.want) {
			t.Errorf("%v: got %s, want %s", test.texts, got.DataType(), test.want)
		}
		for i, text := range test.texts {
			if got.ValueStr(i) != text {
				t.Errorf("got %s, want %s", got.ValueStr(i), text)
			}
		}
		if got.IsValid(len(test.texts)) {
			t.Error("the null is lost")
		}
	}
}

func TestIntegrity(t *testing.T) {
	s := openServer(t, nil)
	for child, parent := range map[string]string{
		"FACT_TRANSACTION_ITEMS.transaction_id": "FACT_TRANSACTIONS", "FACT_MESSAGES.interaction_id": "FACT_INTERACTIONS",
		"FACT_REVIEW_VERSIONS.review_id": "FACT_REVIEWS", "FACT_EMPLOYEE_MENTIONS.review_id": "FACT_REVIEWS",
		"FACT_EMPLOYEE_MENTIONS.employee_id": "DIM_EMPLOYEES", "FACT_TRANSACTIONS.location_id": "DIM_LOCATIONS",
	} {
		table, key, _ := strings.Cut(child, ".")
		for _, instant := range []string{"2026-11-20 11:00:00", "2026-11-20 13:00:00"} {
			alive := fmt.Sprintf("_valid_from <= TIMESTAMP '%s' AND _valid_to > TIMESTAMP '%s'", instant, instant)
			var orphans, doubles int
			text := fmt.Sprintf(`SELECT count(*) FILTER (n = 0), count(*) FILTER (n > 1) FROM (SELECT (SELECT count(*) FROM analytics.%s p
				WHERE p.%s = c.%s AND %s) AS n FROM analytics.%s c WHERE c.%s IS NOT NULL AND %s)`, parent, key, key, alive, table, key, alive)
			if err := s.DB().QueryRowContext(t.Context(), text).Scan(&orphans, &doubles); err != nil {
				t.Fatal(err)
			}
			if orphans+doubles > 0 {
				t.Errorf("%s at %s: %d without parent, %d with several", child, instant, orphans, doubles)
			}
		}
	}
}
