// Package convert turns the source's Arrow into the types that the Data Dictionary pins. A chunk may
// carry a number in any width and a timestamp in several forms; what leaves is always a record of
// arrowschema.Of(layout), exact to the last digit.
//
// It refuses every value that would not survive: nothing is rounded, wrapped, truncated or repaired.
// Start at New.
package convert

import (
	"errors"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/dictionary/arrowschema"
	"github.com/customer-exports/exports/pkg/fault"
)

// maxFraction is the most digits after the second that the source knows.
const maxFraction = 9

// errDamaged is a chunk whose bytes contradict themselves. Another read of it may help.
var errDamaged = errors.New("a chunk is damaged")

// RowType is what the source says about one result column, whatever its chunks look like.
type RowType struct {
	// Name is upper case. Type is the source's lower-case word, such as "fixed".
	Name, Type       string
	Precision, Scale int
}

// Converter knows one result. It is safe for use by several goroutines.
type Converter struct {
	layout  *dictionary.Layout
	schema  *arrow.Schema
	types   []RowType
	shelves []shelves // of each column
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
	return &Converter{layout: layout, schema: arrowschema.Of(layout), types: types, shelves: make([]shelves, len(types))}, nil
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
	case dictionary.KindString, dictionary.KindVariant, dictionary.KindObject, dictionary.KindArray,
		dictionary.KindGeography, dictionary.KindVector:
		return got.Type == "text"
	case dictionary.KindTime, dictionary.KindTimestampNTZ, dictionary.KindTimestampLTZ, dictionary.KindTimestampTZ:
		return got.Type == word && got.Scale >= 0 && got.Scale <= maxFraction
	default:
		return got.Type == word
	}
}

// Schema is the schema of every record that is built.
func (c *Converter) Schema() *arrow.Schema { return c.schema }

// maxExpected bounds the memory that is taken on the source's word.
const maxExpected = 1 << 20

// Batch gathers the records of one chunk into one. It is not safe for concurrent use.
type Batch struct {
	converter *Converter
	sinks     []sink
	rows      int64
}

// Batch starts an empty batch, with room for the rows that the source announces.
func (c *Converter) Batch(expected int64) *Batch {
	b := &Batch{converter: c}
	room := int(min(max(expected, 0), maxExpected))
	for i, f := range c.schema.Fields() {
		b.sinks = append(b.sinks, newSink(f.Type, formatOf(c.layout.Fields[i].Column.Type.Kind), room, &c.shelves[i]))
	}
	return b
}

func formatOf(kind dictionary.Kind) textFormat {
	switch {
	case kind == dictionary.KindBinary:
		return anyBytes
	case kind.Semistructured():
		return validJSON
	default:
		return validUTF8
	}
}

// Append converts one record of the source. It fails with VALUE_OUT_OF_RANGE or SOURCE_TYPE_CHANGED;
// after an error the batch is of no use.
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

// Record hands over what was gathered, after which the batch is of no use. The caller releases it, and reads nothing of it
// afterwards: its memory is the next batch's.
func (b *Batch) Record() arrow.Record {
	arrays := make([]arrow.Array, len(b.sinks))
	for i, s := range b.sinks {
		arrays[i] = s.array()
		defer arrays[i].Release()
	}
	return array.NewRecord(b.converter.schema, arrays, b.rows)
}

func (b *Batch) column(i int, values arrow.Array) error {
	c := column{
		table: b.converter.layout.Table.Name, name: b.converter.layout.Fields[i].Name,
		want: b.converter.layout.Fields[i].Column.Type, got: b.converter.types[i],
	}
	switch {
	case values.Len() == 0:
		return nil
	case values.NullN() > 0 && !b.converter.schema.Field(i).Nullable:
		return c.refused("a null, which the dictionary rules out")
	case values.DataType().ID() == arrow.NULL:
		b.sinks[i].blank(values.Len())
		return nil
	}
	return b.sinks[i].take(&c, values)
}

// column is the one column being converted: what names it in errors, and its two types.
type column struct {
	table, name string
	want        dictionary.Type
	got         RowType
}

// refused says what the column holds that cannot land.
func (c *column) refused(what string) error {
	return fault.New(fault.State, fault.ReasonValueOutOfRange, "column %s.%s is %s and holds %s", c.table, c.name, c.want, what)
}

// complain finds the first value that is wrong, nulls aside: what a null hides has no meaning.
func (c *column) complain(values arrow.Array, wrong func(i int) string) error {
	for i := range values.Len() {
		if values.IsNull(i) {
			continue
		}
		if what := wrong(i); what != "" {
			return c.refused(what)
		}
	}
	return nil
}

func (c *column) unexpected(values arrow.Array) error {
	return fault.New(fault.State, fault.ReasonSourceTypeChanged, "column %s.%s is %s in the dictionary, but a chunk holds %s",
		c.table, c.name, c.want, values.DataType())
}
