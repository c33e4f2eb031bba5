package encodebench

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/arrow/util"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/dictionary/arrowschema"
	"github.com/customer-exports/exports/services/delivery/internal/encode"
)

// benchWords are the two kinds of tables that exports are made of: many narrow rows with keys and money, and free text.
const benchWords = `
version: bench
tables:
  - name: FACT_TRANSACTIONS
    definition: One row per transaction.
    primary_key: [transaction_id]
    split: transacted_date
    scope: {brand: brand, location: location_id}
    columns:
      - {name: transaction_id, type: STRING, definition: UUID.}
      - {name: customer_id, type: STRING, nullable: true, definition: Digest of a guest.}
      - {name: location_id, type: STRING, definition: Location.}
      - {name: account_id, type: STRING, definition: Account.}
      - {name: brand, type: STRING, definition: Brand.}
      - {name: transacted_at, type: TIMESTAMP_NTZ(6), definition: Instant.}
      - {name: transacted_date, type: DATE, definition: Day.}
      - {name: subtotal, type: "NUMBER(12,2)", definition: Money.}
      - {name: tax, type: "NUMBER(12,2)", nullable: true, definition: Money.}
      - {name: total, type: "NUMBER(12,2)", definition: Money.}
      - {name: channel, type: STRING, nullable: true, definition: Channel.}
      - {name: item_count, type: "NUMBER(9,0)", definition: Items.}
      - {name: refunded, type: BOOLEAN, nullable: true, definition: Flag.}
  - name: FACT_REVIEWS
    definition: One row per review.
    primary_key: [review_id]
    split: reviewed_date
    scope: {brand: brand, location: location_id}
    columns:
      - {name: review_id, type: STRING, definition: UUID.}
      - {name: location_id, type: STRING, definition: Location.}
      - {name: brand, type: STRING, definition: Brand.}
      - {name: platform, type: STRING, definition: Platform.}
      - {name: rating, type: "NUMBER(2,1)", nullable: true, definition: Rating.}
      - {name: reviewed_at, type: TIMESTAMP_NTZ(6), definition: Instant.}
      - {name: reviewed_date, type: DATE, definition: Day.}
      - {name: body, type: STRING, nullable: true, definition: Free text.}
      - {name: reply, type: STRING, nullable: true, definition: Free text.}
`

func layoutOf(t testing.TB, table string) *dictionary.Layout {
	t.Helper()
	words, err := dictionary.Parse([]byte(benchWords))
	if err != nil {
		t.Fatal(err)
	}
	layout, err := words.Layout(table, nil)
	if err != nil {
		t.Fatal(err)
	}
	return layout
}

// draws makes values of the two tables from a seed.
type draws struct {
	*rand.Rand
	words []string
	zipf  *rand.Zipf
}

func newDraws(seed uint64) *draws {
	d := &draws{Rand: rand.New(rand.NewPCG(seed, 1))}
	const letters = "etaoinshrdlucmfwypvbgkjqxz"
	for range 8000 {
		word := make([]byte, 2+d.IntN(9))
		for i := range word {
			word[i] = letters[int(math.Abs(d.NormFloat64())*6)%len(letters)]
		}
		d.words = append(d.words, string(word))
	}
	d.zipf = rand.NewZipf(d.Rand, 1.15, 4, uint64(len(d.words)-1))
	return d
}

func (d *draws) hex(n int) []byte {
	text := make([]byte, n)
	for i := range text {
		text[i] = "0123456789abcdef"[d.Uint64()&15]
	}
	return text
}

func (d *draws) uuid() string {
	text := d.hex(36)
	for _, i := range []int{8, 13, 18, 23} {
		text[i] = '-'
	}
	return string(text)
}

// skewed draws below n, small numbers far more often.
func (d *draws) skewed(n int) int { return int(float64(n) * math.Pow(d.Float64(), 3)) }

func (d *draws) prose() []byte {
	var text []byte
	for want := 60 + d.skewed(700); len(text) < want; {
		text = append(append(text, d.words[d.zipf.Uint64()]...), ' ')
	}
	return text
}

// benchBatch draws rows [from, until) of a table.
func benchBatch(d *draws, layout *dictionary.Layout, from, until int) arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrowschema.Of(layout))
	defer b.Release()
	guests := newDraws(7)
	for row := from; row < until; row++ {
		at := int64(1_760_000_000_000_000) + int64(row)*1_000_003 + int64(d.IntN(900_000_000))
		cents := int64(100 + d.skewed(200_000))
		for i, f := range layout.Fields {
			if f.Column.Nullable && d.IntN(12) == 0 {
				b.Field(i).AppendNull()
				continue
			}
			benchValue(d, guests, b.Field(i), f, at, cents)
		}
	}
	return b.NewRecord()
}

func benchValue(d, guests *draws, builder array.Builder, f dictionary.Field, at, cents int64) {
	switch b := builder.(type) {
	case *array.StringBuilder:
		b.Append(benchText(d, guests, f.Name))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(at))
	case *array.Date32Builder:
		b.Append(arrow.Date32(at / 86_400_000_000))
	case *array.BooleanBuilder:
		b.Append(d.IntN(50) == 0)
	case *array.Int64Builder:
		b.Append(benchNumber(d, f.Name, cents))
	}
}

func benchNumber(d *draws, column string, cents int64) int64 {
	switch column {
	case "item_count":
		return int64(1 + d.skewed(30))
	case "rating":
		return int64(10 * (1 + d.IntN(5)))
	case "tax":
		return cents * 8 / 100
	case "total":
		return cents * 108 / 100
	}
	return cents
}

func benchText(d, guests *draws, column string) string {
	switch column {
	case "transaction_id", "review_id":
		return d.uuid()
	case "customer_id":
		// A guest comes back now and then.
		guests.Rand = rand.New(rand.NewPCG(9, uint64(d.IntN(400_000))))
		return string(guests.hex(32))
	case "location_id":
		return location(d.skewed(3000))
	case "account_id":
		return fmt.Sprintf("ACC-%05d", d.skewed(400))
	case "brand":
		return brands[d.skewed(len(brands))]
	case "channel", "platform":
		return []string{"in_store", "online", "delivery", "drive_through", "phone"}[d.IntN(5)]
	default:
		return string(d.prose())
	}
}

var brands = []string{"Bella Pizza", "Nova Fitness", "Harbor Hotels", "Corner Bistro"}

func location(i int) string { return fmt.Sprintf("LOC-%06d", i) }

// writeRows writes so many rows as an Arrow stream, and once more with Arrow's decimals, and returns the bytes of the buffers
// with those: they are what everybody's figures are for.
func writeRows(t testing.TB, to, pointed io.Writer, layout *dictionary.Layout, rows, perBatch int) int64 {
	t.Helper()
	schema := arrowschema.Of(layout)
	points, d, size := encode.NewDecimals(schema), newDraws(1), int64(0)
	short, long := ipc.NewWriter(to, ipc.WithSchema(schema)), ipc.NewWriter(pointed, ipc.WithSchema(points.Schema))
	for from := 0; from < rows; from += perBatch {
		batch := benchBatch(d, layout, from, min(from+perBatch, rows))
		whole := points.Rows(batch)
		size += util.TotalRecordSize(whole)
		if err := errors.Join(short.Write(batch), long.Write(whole)); err != nil {
			t.Fatal(err)
		}
		batch.Release()
		whole.Release()
	}
	if err := errors.Join(short.Close(), long.Close()); err != nil {
		t.Fatal(err)
	}
	return size
}
