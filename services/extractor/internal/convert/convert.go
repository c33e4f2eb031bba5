// Package convert turns the source's Arrow into the types that the Data Dictionary pins. A chunk may
// carry a number in any width and a timestamp in several forms; what leaves is always a record of
// arrowschema.Of(layout), exact to the last digit.
//
// It refuses every value that would not survive: nothing is rounded, wrapped, truncated or repaired.
// Start at New.
package convert

import (
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/dictionary/arrowschema"
	"github.com/customer-exports/exports/pkg/fault"
)

// maxFraction is the most digits after the second that the source knows.
const maxFraction = 9

// RowType is what the source says about one result column, whatever its chunks look like.
type RowType struct {
	// Name is upper case. Type is the source's lower-case word, such as "fixed".
	Name, Type       string
	Precision, Scale int
}

// Converter knows one result. It is safe for use by several goroutines.
type Converter struct {
	layout *dictionary.Layout
	schema *arrow.Schema
	types  []RowType
}

// New compares a result's columns with the layout they must fill. It fails with
// SOURCE_COLUMN_MISSING or SOURCE_TYPE_CHANGED, naming table and column.
func New(layout *dictionary.Layout, types []RowType) (*Converter, error) {
	for i, f := range layout.Fields {
		if i >= len(types) || types[i].Name != strings.ToUpper(f.Name) {
			return nil, fault.New(fault.State, fault.ReasonSourceColumnMissing,
				"column %s.%s is not where the result should have it", layout.Table.Name, f.Name)
		}
		if !matches(f.Column.Type, types[i]) {
			return nil, fault.New(fault.State, fault.ReasonSourceTypeChanged,
				"column %s.%s is %s in the dictionary, but the source answers %s(%d,%d)",
				layout.Table.Name, f.Name, f.Column.Type, types[i].Type, types[i].Precision, types[i].Scale)
		}
	}
	if len(types) > len(layout.Fields) {
		return nil, fault.New(fault.State, fault.ReasonSourceColumnMissing,
			"result of table %s has %d columns, %d were selected", layout.Table.Name, len(types), len(layout.Fields))
	}
	return &Converter{layout: layout, schema: arrowschema.Of(layout), types: types}, nil
}

// matches compares types, not values. A narrower number and any fraction of a timestamp are accepted
// because every value fits or is refused by itself.
func matches(want dictionary.Type, got RowType) bool {
	word := strings.ToLower(string(want.Kind))
	switch want.Kind {
	case dictionary.KindNumber:
		return got.Type == "fixed" && got.Scale == want.Scale && got.Precision <= want.Precision
	case dictionary.KindFloat:
		return got.Type == "real"
	case dictionary.KindString, dictionary.KindVariant, dictionary.KindObject, dictionary.KindArray:
		return got.Type == "text"
	case dictionary.KindTime, dictionary.KindTimestampNTZ, dictionary.KindTimestampLTZ, dictionary.KindTimestampTZ:
		return got.Type == word && got.Scale >= 0 && got.Scale <= maxFraction
	default:
		return got.Type == word
	}
}

// Schema is the schema of every record that is built.
func (c *Converter) Schema() *arrow.Schema { return c.schema }

// Batch gathers the records of one chunk into one. It is not safe for concurrent use.
type Batch struct {
	converter *Converter
	builder   *array.RecordBuilder
	rows      int64
}

// Batch starts an empty batch. The caller releases it.
func (c *Converter) Batch() *Batch {
	return &Batch{converter: c, builder: array.NewRecordBuilder(memory.DefaultAllocator, c.schema)}
}

// Append converts one record of the source. It fails with VALUE_OUT_OF_RANGE or SOURCE_TYPE_CHANGED;
// after an error the batch can only be released.
func (b *Batch) Append(rec arrow.Record) error {
	fields := b.converter.layout.Fields
	if int(rec.NumCols()) != len(fields) {
		return fault.New(fault.State, fault.ReasonSourceColumnMissing, "chunk of table %s has %d columns, %d were selected",
			b.converter.layout.Table.Name, rec.NumCols(), len(fields))
	}
	for i := range fields {
		if err := b.column(i, rec.Column(i)); err != nil {
			return err
		}
	}
	b.rows += rec.NumRows()
	return nil
}

// Rows is the number of rows gathered so far.
func (b *Batch) Rows() int64 { return b.rows }

// Record takes what was gathered and leaves the batch empty. The caller releases the record.
func (b *Batch) Record() arrow.Record {
	b.rows = 0
	return b.builder.NewRecord()
}

// Release frees what the batch still holds.
func (b *Batch) Release() { b.builder.Release() }

func (b *Batch) column(i int, values arrow.Array) error {
	c := column{
		table: b.converter.layout.Table.Name, name: b.converter.layout.Fields[i].Name,
		want: b.converter.layout.Fields[i].Column.Type, got: b.converter.types[i],
	}
	if values.NullN() > 0 && !b.converter.schema.Field(i).Nullable {
		return c.refused("holds a null, which the dictionary rules out")
	}
	target := b.builder.Field(i)
	target.Reserve(values.Len())
	if values.DataType().ID() == arrow.NULL {
		target.AppendNulls(values.Len())
		return nil
	}
	return c.append(target, values)
}

// column is the one column being converted: what names it in errors, and its two types.
type column struct {
	table, name string
	want        dictionary.Type
	got         RowType
}

// append picks the conversion by the pinned type.
func (c column) append(target array.Builder, values arrow.Array) error {
	switch t := target.(type) {
	case *array.Int64Builder:
		return c.int64s(t, values)
	case *array.Decimal128Builder:
		return c.decimals(t, values)
	case *array.TimestampBuilder:
		return c.timestamps(t, values)
	case *array.Time64Builder:
		return c.times(t, values)
	case *array.StringBuilder:
		return c.strings(t, values)
	default:
		return c.same(target, values)
	}
}

func (c column) refused(format string, args ...any) error {
	return fault.New(fault.State, fault.ReasonValueOutOfRange, "column %s.%s "+format, append([]any{c.table, c.name}, args...)...)
}

func (c column) unexpected(values arrow.Array) error {
	return fault.New(fault.State, fault.ReasonSourceTypeChanged, "column %s.%s is %s in the dictionary, but a chunk holds %s",
		c.table, c.name, c.want, values.DataType())
}
