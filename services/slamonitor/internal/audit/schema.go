package audit

import (
	"fmt"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/services/slamonitor/internal/sla"
)

// sameColumns compares a table's schema in the manifest with the Data Dictionary.
func sameColumns(layout *dictionary.Layout, t drop.Table) []sla.Finding {
	wrong := func(format string, args ...any) []sla.Finding {
		return []sla.Finding{{Condition: sla.Mismatch, Table: t.Table, Message: fmt.Sprintf(format, args...)}}
	}
	if len(t.Schema) != layout.Exported {
		return wrong("the manifest lists %d columns, the Data Dictionary %d", len(t.Schema), layout.Exported)
	}
	for i, field := range layout.Fields[:layout.Exported] {
		got := t.Schema[i]
		if got.Name != field.Name || got.Type != field.Column.Type.String() || got.Nullable != field.Column.Nullable {
			return wrong("column %d is %s %s in the manifest, %s %s in the Data Dictionary", i, got.Name, got.Type, field.Name, field.Column.Type)
		}
	}
	return nil
}

// sameTypes compares a file's own schema with the Data Dictionary.
func sameTypes(file *parquet.File, layout *dictionary.Layout) error {
	columns := file.Root().Columns()
	if len(columns) != layout.Exported {
		return wrongFile(sla.Mismatch, "the file has %d columns, the Data Dictionary %d", len(columns), layout.Exported)
	}
	for i, field := range layout.Fields[:layout.Exported] {
		got := columns[i]
		if got.Name() != field.Name {
			return wrongFile(sla.Mismatch, "column %d is %s, not %s", i, got.Name(), field.Name)
		}
		if !got.Leaf() || got.Optional() != field.Column.Nullable {
			return wrongFile(sla.Mismatch, "column %s has another nullability than the Data Dictionary says", field.Name)
		}
		if have, want := spell(got.Type()), landed(field.Column.Type); have != want {
			return wrongFile(sla.Mismatch, "column %s is %s in the file, must be %s", field.Name, have, want)
		}
	}
	return nil
}

// landed spells the Parquet type that a Data Dictionary type lands as.
func landed(t dictionary.Type) string {
	switch t.Kind {
	case dictionary.KindNumber:
		if t.Scale == 0 && t.Precision <= 18 {
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
		return "TIME_MICROS"
	case dictionary.KindTimestampNTZ, dictionary.KindTimestampLTZ, dictionary.KindTimestampTZ:
		return "TIMESTAMP_MICROS_UTC"
	case dictionary.KindBinary:
		return "BINARY"
	default:
		return "STRING"
	}
}

// spell names the type of a file's column in the same words.
func spell(t parquet.Type) string {
	logical := t.LogicalType()
	if logical == nil || logical.Value == nil {
		return physical(t.Kind())
	}
	switch v := logical.Value.(type) {
	case *format.DecimalType:
		return fmt.Sprintf("DECIMAL(%d,%d)", v.Precision, v.Scale)
	case *format.TimestampType:
		return fmt.Sprintf("TIMESTAMP_%s_%s", v.Unit.String(), zoneOf(v.IsAdjustedToUTC))
	case *format.TimeType:
		return "TIME_" + v.Unit.String()
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

func physical(k parquet.Kind) string {
	switch k {
	case parquet.ByteArray:
		return "BINARY"
	default:
		return k.String()
	}
}
