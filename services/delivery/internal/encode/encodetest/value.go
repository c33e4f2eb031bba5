package encodetest

import (
	"encoding/hex"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/customer-exports/exports/pkg/dictionary"
)

// Null is the spelling of a null; that of a text is quoted, so the two cannot be taken for each other.
const null = "NULL"

// Values are a table's values, spelled, by column. Every reader spells alike: numbers in digits, texts quoted, bytes in hex,
// dates in days, times and instants in microseconds.
type values [][]string

// of spells what went into a file.
func of(layout *dictionary.Layout, batches []arrow.Record) values {
	columns := make(values, layout.Exported)
	for i := range columns {
		for _, b := range batches {
			for row := range int(b.NumRows()) {
				columns[i] = append(columns[i], spell(layout.Fields[i].Column.Type, b.Column(i), row))
			}
		}
	}
	return columns
}

func spell(t dictionary.Type, column arrow.Array, row int) string {
	if column.IsNull(row) {
		return null
	}
	switch c := column.(type) {
	case *array.String:
		return strconv.Quote(c.Value(row))
	case *array.Binary:
		return hex.EncodeToString(c.Value(row))
	case *array.Int64:
		return point(big.NewInt(c.Value(row)), t.Scale)
	case *array.Decimal128:
		return point(c.Value(row).BigInt(), t.Scale)
	case *array.Float64:
		return float(c.Value(row))
	case *array.Boolean:
		return strconv.FormatBool(c.Value(row))
	case *array.Date32:
		return strconv.Itoa(int(c.Value(row)))
	case *array.Timestamp:
		return strconv.FormatInt(int64(c.Value(row)), 10)
	case *array.Time64:
		return strconv.FormatInt(int64(c.Value(row)), 10)
	}
	panic("no spelling for " + column.DataType().String())
}

// float tells apart all that differ, but for the payload of a NaN.
func float(f float64) string {
	if math.IsNaN(f) {
		return "NaN"
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// point writes an unscaled number with all digits of its scale.
func point(unscaled *big.Int, scale int) string {
	digits := new(big.Int).Abs(unscaled).String()
	if missing := scale + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	if scale > 0 {
		digits = digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
	}
	if unscaled.Sign() < 0 {
		return "-" + digits
	}
	return digits
}
