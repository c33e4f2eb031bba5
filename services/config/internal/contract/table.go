package contract

import (
	"fmt"
	"slices"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/drop"
)

func newTable(l *dictionary.Layout) table {
	t := table{Name: l.Table.Name, PhysicalName: drop.Prefix + l.Table.Name + "/", PhysicalType: "file", LogicalType: "object", Description: l.Table.Definition}
	for _, f := range l.Fields[:l.Exported] {
		position := slices.Index(l.Table.PrimaryKey, f.Name) + 1
		t.Properties = append(t.Properties, property{
			Name: f.Name, Key: position > 0, KeyPosition: position, LogicalType: logical(f.Column.Type), PhysicalType: physical(f.Column.Type),
			Required: !f.Column.Nullable, Description: f.Column.Definition, Custom: []custom{{"sourceType", f.Column.Type.String()}},
		})
	}
	return t
}

// logical is a type in the standard's words.
func logical(t dictionary.Type) string {
	switch t.Kind {
	case dictionary.KindNumber:
		if t.Scale == 0 {
			return "integer"
		}
		return "number"
	case dictionary.KindFloat:
		return "number"
	case dictionary.KindBoolean:
		return "boolean"
	case dictionary.KindDate:
		return "date"
	case dictionary.KindTime:
		return "time"
	case dictionary.KindTimestampNTZ, dictionary.KindTimestampLTZ, dictionary.KindTimestampTZ:
		return "timestamp"
	default:
		return "string"
	}
}

// bigintDigits is the most digits that always fit a BIGINT.
const bigintDigits = 18

// physical is the SQL type that a value lands as, whatever the file's format. Semi-structured values are JSON text.
func physical(t dictionary.Type) string {
	switch t.Kind {
	case dictionary.KindNumber:
		if t.Scale == 0 && t.Precision <= bigintDigits {
			return "BIGINT"
		}
		return fmt.Sprintf("DECIMAL(%d,%d)", t.Precision, t.Scale)
	case dictionary.KindFloat:
		return "DOUBLE"
	case dictionary.KindBoolean, dictionary.KindDate, dictionary.KindTime:
		return string(t.Kind)
	case dictionary.KindTimestampNTZ, dictionary.KindTimestampLTZ, dictionary.KindTimestampTZ:
		return "TIMESTAMP WITH TIME ZONE"
	case dictionary.KindBinary:
		return "VARBINARY"
	default:
		return "VARCHAR"
	}
}
