package encodetest

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/dictionary/arrowschema"
)

// draw gives the value of a column in a row; nil is a null.
type draw func(f dictionary.Field, row int) any

// batch builds rows [from, until). Numbers are spelled as unscaled integers.
func batch(t testing.TB, mem memory.Allocator, layout *dictionary.Layout, value draw, from, until int) arrow.Record {
	t.Helper()
	b := array.NewRecordBuilder(mem, arrowschema.Of(layout))
	defer b.Release()
	for i, f := range layout.Fields {
		for row := from; row < until; row++ {
			put(t, b.Field(i), value(f, row))
		}
	}
	return b.NewRecord()
}

func put(t testing.TB, builder array.Builder, value any) {
	t.Helper()
	if value == nil {
		builder.AppendNull()
		return
	}
	switch b := builder.(type) {
	case *array.StringBuilder:
		b.Append(value.(string))
	case *array.BinaryBuilder:
		b.Append([]byte(value.(string)))
	case *array.Int64Builder:
		b.Append(whole(value.(string)).Int64())
	case *array.Decimal128Builder:
		b.Append(decimal128.FromBigInt(whole(value.(string))))
	case *array.Float64Builder:
		b.Append(value.(float64))
	case *array.BooleanBuilder:
		b.Append(value.(bool))
	case *array.Date32Builder:
		b.Append(arrow.Date32(value.(int32)))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(value.(int64)))
	case *array.Time64Builder:
		b.Append(arrow.Time64(value.(int64)))
	default:
		t.Fatalf("no value for %T", b)
	}
}

func whole(text string) *big.Int {
	n, ok := new(big.Int).SetString(text, 10)
	if !ok {
		panic(text + " is not a number") // a wrong constant of this package
	}
	return n
}

// atEdges goes through the edges of each type, each column in its own rhythm.
func atEdges(f dictionary.Field, row int) any {
	if f.Column.Nullable && row%11 == 10 {
		return nil
	}
	if f.Name == "id" {
		return fmt.Sprint(row)
	}
	values := edges()[f.Column.Type]
	return values[row%len(values)]
}

// empty has a null wherever one may be.
func empty(f dictionary.Field, row int) any {
	if f.Column.Nullable {
		return nil
	}
	return atEdges(f, row)
}

// random is a plausible table: ids that count, keys that repeat, free text, and nulls of every share.
func random(seed uint64, nulls float64) draw {
	return func(f dictionary.Field, row int) any {
		r := rand.New(rand.NewPCG(seed, uint64(row)<<8|uint64(len(f.Name))^uint64(f.Name[0])))
		switch {
		case f.Column.Nullable && r.Float64() < nulls:
			return nil
		case f.Name == "id":
			return fmt.Sprint(row)
		case f.Name == "day":
			return int32(20_000 + row/1000)
		case f.Name == "location_id":
			return fmt.Sprintf("LOC-%04d", r.IntN(200))
		case f.Name == "body":
			return prose(r, r.IntN(40))
		case f.Column.Type.Kind == dictionary.KindNumber:
			return digits(r, f.Column.Type.Precision)
		default:
			return atEdges(dictionary.Field{Name: f.Name, Column: &dictionary.Column{Type: f.Column.Type}}, r.IntN(1000))
		}
	}
}

func prose(r *rand.Rand, words int) string {
	var b strings.Builder
	for range words {
		fmt.Fprintf(&b, "wörd%d ", r.IntN(5000))
	}
	return b.String()
}

func digits(r *rand.Rand, precision int) string {
	text := make([]byte, 1+r.IntN(precision))
	for i := range text {
		text[i] = byte('0' + r.IntN(10))
	}
	if r.IntN(2) == 0 {
		return "-" + string(text)
	}
	return string(text)
}

// widening is narrow in early rows and wide in later ones, and repeats first what is unique later.
func widening(f dictionary.Field, row int) any {
	switch {
	case f.Name == "body" && row < 20_000:
		return "same"
	case f.Name == "body":
		return fmt.Sprintf("unique %d %s", row, strings.Repeat("x", row%300))
	case f.Name == "payload" && row < 20_000:
		return fmt.Sprintf(`{"unique":%d}`, row)
	case f.Name == "payload":
		return `{}`
	case f.Column.Type.Kind == dictionary.KindNumber && f.Name != "id":
		return strings.Repeat("7", 1+(row/5000)%f.Column.Type.Precision)
	default:
		return atEdges(f, row)
	}
}

// huge has texts and bytes of up to two megabytes.
func huge(f dictionary.Field, row int) any {
	switch f.Name {
	case "body", "digest":
		return strings.Repeat("0123456789abcdef", row%3<<16)
	default:
		return atEdges(f, row)
	}
}
