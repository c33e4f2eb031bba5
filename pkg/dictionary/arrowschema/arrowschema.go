// Package arrowschema maps dictionary types to Arrow types. It is the only place that does, so that
// a table has the same schema in every record batch, every Parquet file and every check, also when
// empty. It decides from the dictionary alone, never from a batch. Start at Of.
package arrowschema

import (
	"github.com/apache/arrow/go/v17/arrow"

	"github.com/customer-exports/exports/pkg/dictionary"
)

// DefinitionKey is the field metadata key that holds the column definition.
const DefinitionKey = "definition"

// MaxInt64Precision is the most digits that always fit an int64.
const MaxInt64Precision = 18

// Of returns the schema of everything a layout reads, guard columns last.
func Of(l *dictionary.Layout) *arrow.Schema { return schema(l, len(l.Fields)) }

// Exported returns the schema of what lands.
func Exported(l *dictionary.Layout) *arrow.Schema { return schema(l, l.Exported) }

func schema(l *dictionary.Layout, count int) *arrow.Schema {
	fields := make([]arrow.Field, 0, count)
	for i, f := range l.Fields[:count] {
		fields = append(fields, arrow.Field{
			Name:     f.Name,
			Type:     Type(f.Column.Type),
			Nullable: f.Column.Nullable || i >= l.Exported,
			Metadata: arrow.MetadataFrom(map[string]string{DefinitionKey: f.Column.Definition}),
		})
	}
	return arrow.NewSchema(fields, nil)
}

// Type maps one type. Semi-structured values travel as JSON text; every timestamp as the UTC
// instant in microseconds.
func Type(t dictionary.Type) arrow.DataType {
	switch t.Kind {
	case dictionary.KindNumber:
		if t.Scale == 0 && t.Precision <= MaxInt64Precision {
			return arrow.PrimitiveTypes.Int64
		}
		return &arrow.Decimal128Type{Precision: int32(t.Precision), Scale: int32(t.Scale)}
	case dictionary.KindFloat:
		return arrow.PrimitiveTypes.Float64
	case dictionary.KindBoolean:
		return arrow.FixedWidthTypes.Boolean
	case dictionary.KindDate:
		return arrow.FixedWidthTypes.Date32
	case dictionary.KindTime:
		return arrow.FixedWidthTypes.Time64us
	case dictionary.KindTimestampNTZ, dictionary.KindTimestampLTZ, dictionary.KindTimestampTZ:
		return arrow.FixedWidthTypes.Timestamp_us
	case dictionary.KindBinary:
		return arrow.BinaryTypes.Binary
	default:
		return arrow.BinaryTypes.String
	}
}
