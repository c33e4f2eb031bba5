package readback

import (
	"fmt"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/customer-exports/exports/pkg/dictionary"
)

// maxInt64Digits is the most digits of a whole number that lands as INT64.
const maxInt64Digits = 18

// landed spells the Parquet type that a Data Dictionary type lands as.
func landed(t dictionary.Type) string {
	switch t.Kind {
	case dictionary.KindNumber:
		if t.Scale == 0 && t.Precision <= maxInt64Digits {
			return "INT64"
		}
		return fmt.Sprintf("DECIMAL(%d,%d)", t.Precision, t.Scale)
	case dictionary.KindFloat:
		return "DOUBLE"
	case dictionary.KindBoolean:
		return "BOOLEAN"
	case dictionary.KindDate:
		return "DATE"
	case dictionary.KindTime:
		return "TIME_MICROS_UTC"
	case dictionary.KindTimestampNTZ, dictionary.KindTimestampLTZ, dictionary.KindTimestampTZ:
		return "TIMESTAMP_MICROS_UTC"
	case dictionary.KindBinary:
		return "BYTE_ARRAY"
	default:
		return "STRING"
	}
}

// spell names the type of a file's column in the same words.
func spell(t parquet.Type) string {
	logical := t.LogicalType()
	if logical == nil || logical.Value == nil {
		return t.Kind().String()
	}
	switch v := logical.Value.(type) {
	case *format.DecimalType:
		return fmt.Sprintf("DECIMAL(%d,%d)", v.Precision, v.Scale)
	case *format.TimestampType:
		return fmt.Sprintf("TIMESTAMP_%s_%s", v.Unit.String(), zoneOf(v.IsAdjustedToUTC))
	case *format.TimeType:
		return fmt.Sprintf("TIME_%s_%s", v.Unit.String(), zoneOf(v.IsAdjustedToUTC))
	case *format.DateType:
		return "DATE"
	case *format.StringType:
		return "STRING"
	case *format.IntType:
		if v.BitWidth == 64 && v.IsSigned {
			return "INT64"
		}
	}
	return logical.Value.String()
}

func zoneOf(utc bool) string {
	if utc {
		return "UTC"
	}
	return "LOCAL"
}
