// Package arrowschema maps dictionary types to Arrow types. It is the only place that does, so that
// a table has the same schema in every record batch, every Parquet file and every check, also when
// empty. It decides from the dictionary alone, never from a batch. Start at Of.
package arrowschema

import (
	"github.com/apache/arrow/go/v17/arrow"

	"github.com/customer-exports/exports/pkg/dictionary"
)

// Field metadata keys.
const (
	// DefinitionKey holds the column definition.
	DefinitionKey = "definition"
	// TypeKey holds the dictionary type: Arrow's own does not tell how many digits of an int64 are behind the point.
	TypeKey = "type"
)

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
			Metadata: arrow.NewMetadata([]string{TypeKey, DefinitionKey}, []string{f.Column.Type.String(), f.Column.Definition}),
		})
	}
	return arrow.NewSchema(fields, nil)
}

// Type maps one type. A number of up to 18 digits travels without its point, in half of what a longer one
// takes; semi-structured values travel as JSON text, every timestamp as the UTC instant in microseconds.
func Type(t dictionary.Type) arrow.DataType {
	switch t.Kind {
	case dictionary.KindNumber:
		if t.Precision <= MaxInt64Precision {
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

// Decimal is how a field is to be read whose int64 values have no point; ok is false for every other field.
func Decimal(f arrow.Field) (t *arrow.Decimal128Type, ok bool) {
	spelled, _ := f.Metadata.GetValue(TypeKey)
	of, err := dictionary.ParseType(spelled)
	if err != nil || of.Kind != dictionary.KindNumber || of.Scale == 0 || f.Type.ID() != arrow.INT64 {
		return nil, false
	}
	return &arrow.Decimal128Type{Precision: int32(of.Precision), Scale: int32(of.Scale)}, true
}
