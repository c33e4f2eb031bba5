package encode

import (
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/customer-exports/exports/pkg/dictionary/arrowschema"
)

// Decimals makes numbers that travel without their point into Arrow's own, which is how other writers know them.
type Decimals struct {
	// Schema is that of the rows that come of it.
	Schema *arrow.Schema
	of     []*arrow.Decimal128Type // nil for every other column
}

// NewDecimals is for rows of a schema of arrowschema.
func NewDecimals(schema *arrow.Schema) Decimals {
	fields := slices.Clone(schema.Fields())
	d := Decimals{of: make([]*arrow.Decimal128Type, len(fields))}
	for i, f := range fields {
		if t, ok := arrowschema.Decimal(f); ok {
			d.of[i], fields[i].Type = t, t
		}
	}
	d.Schema = arrow.NewSchema(fields, nil)
	return d
}

// Rows are those of a batch, in the columns of the schema. They are the caller's to release.
func (d Decimals) Rows(batch arrow.Record) arrow.Record {
	columns := slices.Clone(batch.Columns()[:len(d.of)])
	for i, t := range d.of {
		if t != nil {
			columns[i] = widened(t, columns[i].(*array.Int64))
			defer columns[i].Release()
		}
	}
	return array.NewRecord(d.Schema, columns, batch.NumRows())
}

func widened(t *arrow.Decimal128Type, numbers *array.Int64) arrow.Array {
	b := array.NewDecimal128Builder(memory.DefaultAllocator, t)
	defer b.Release()
	b.Reserve(numbers.Len())
	for i, v := range numbers.Int64Values() {
		if numbers.IsNull(i) {
			b.AppendNull()
		} else {
			b.Append(decimal128.FromI64(v))
		}
	}
	return b.NewArray()
}
