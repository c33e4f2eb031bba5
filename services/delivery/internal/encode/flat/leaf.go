package flat

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/customer-exports/exports/pkg/dictionary/arrowschema"
)

// leaf is a column of the file's schema.
type leaf struct {
	name     string
	arrow    arrow.DataType
	decimal  *arrow.Decimal128Type // of a number with a point, or of many digits
	kind     physical
	width    int // bytes of a typeFixed value
	nullable bool
	// utf8 values stay so when a bound is cut.
	utf8 bool
}

// digits32 is the most digits of a decimal that fit four bytes.
const digits32 = 9

// Supports returns an error that names the first column that a Writer cannot write.
func Supports(schema *arrow.Schema) error {
	for _, field := range schema.Fields() {
		if _, err := leafOf(field); err != nil {
			return err
		}
	}
	return nil
}

func leafOf(f arrow.Field) (leaf, error) {
	l := leaf{name: f.Name, arrow: f.Type, nullable: f.Nullable}
	switch t := f.Type.(type) {
	case *arrow.BooleanType:
		l.kind = typeBoolean
	case *arrow.Date32Type:
		l.kind = typeInt32
	case *arrow.Int64Type:
		l.kind = typeInt64
		if d, ok := arrowschema.Decimal(f); ok {
			l.decimal = d
			if d.Precision <= digits32 {
				l.kind = typeInt32
			}
		}
	case *arrow.Float64Type:
		l.kind = typeDouble
	case *arrow.BinaryType:
		l.kind = typeByteArray
	case *arrow.StringType:
		l.kind, l.utf8 = typeByteArray, true
	case *arrow.Decimal128Type:
		if l.decimal = t; t.Precision <= arrowschema.MaxInt64Precision {
			return leaf{}, fmt.Errorf("column %s: %s should be an int64", f.Name, t)
		}
		l.kind, l.width = typeFixed, decimalBytes(int(t.Precision))
	default:
		if !arrow.TypeEqual(t, arrow.FixedWidthTypes.Timestamp_us) && !arrow.TypeEqual(t, arrow.FixedWidthTypes.Time64us) {
			return leaf{}, fmt.Errorf("column %s: no way to write %s", f.Name, f.Type)
		}
		l.kind = typeInt64
	}
	return l, nil
}

// effort is roughly how long values take, beside those of other kinds.
func (l leaf) effort() int {
	switch l.kind {
	case typeByteArray, typeFixed:
		return 3
	case typeInt64, typeDouble:
		return 2
	}
	return 1
}

// decimalBytes are the fewest that hold every number of so many digits.
func decimalBytes(precision int) int {
	const bitsPerDigit = 3.3219280948873626 // log2(10)
	return int((float64(precision)*bitsPerDigit + 1 + 7.999999) / 8)
}

// describe spells the column's SchemaElement.
func (l leaf) describe(c *compact) {
	c.i32(1, int32(l.kind))
	if l.kind == typeFixed {
		c.i32(2, int32(l.width))
	}
	repetition := int32(required)
	if l.nullable {
		repetition = optional
	}
	c.i32(3, repetition)
	c.text(4, l.name)
	l.annotate(c)
}

// annotate adds converted and logical type, fields 6 to 8 and 10.
func (l leaf) annotate(c *compact) {
	if d := l.decimal; d != nil {
		c.i32(6, convertedDecimal)
		c.i32(7, d.Scale)
		c.i32(8, d.Precision)
		logical(c, 5, func() { c.i32(1, d.Scale); c.i32(2, d.Precision) })
		return
	}
	switch l.arrow.(type) {
	case *arrow.StringType:
		c.i32(6, convertedUTF8)
		logical(c, 1, nil)
	case *arrow.Date32Type:
		c.i32(6, convertedDate)
		logical(c, 6, nil)
	case *arrow.Time64Type:
		c.i32(6, convertedTimeMicros)
		logical(c, 7, func() { microsUTC(c) })
	case *arrow.TimestampType:
		c.i32(6, convertedTimestampMicros)
		logical(c, 8, func() { microsUTC(c) })
	case *arrow.Int64Type:
		c.i32(6, convertedInt64)
		logical(c, 10, func() { c.i8(1, 64); c.bool(2, true) })
	}
}

// logical spells the union LogicalType with its one member.
func logical(c *compact, member int16, fields func()) {
	c.begin(10)
	c.begin(member)
	if fields != nil {
		fields()
	}
	c.end()
	c.end()
}

// microsUTC are the fields of a TimeType or TimestampType: adjusted to UTC, in microseconds.
func microsUTC(c *compact) {
	c.bool(1, true)
	c.begin(2)
	c.begin(2)
	c.end()
	c.end()
}
