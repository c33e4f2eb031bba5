package flat

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
)

// leaf is a column of the file's schema.
type leaf struct {
	name     string
	arrow    arrow.DataType
	kind     physical
	width    int // bytes of a typeFixed value
	nullable bool
	// utf8 values stay so when a bound is cut.
	utf8 bool
}

// Most digits of a decimal that fit a machine word.
const (
	digits32 = 9
	digits64 = 18
)

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
	case *arrow.Float64Type:
		l.kind = typeDouble
	case *arrow.BinaryType:
		l.kind = typeByteArray
	case *arrow.StringType:
		l.kind, l.utf8 = typeByteArray, true
	case *arrow.Decimal128Type:
		l.kind, l.width = decimalOf(int(t.Precision))
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

func decimalOf(precision int) (physical, int) {
	switch {
	case precision <= digits32:
		return typeInt32, 0
	case precision <= digits64:
		return typeInt64, 0
	}
	return typeFixed, decimalBytes(precision)
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
	switch t := l.arrow.(type) {
	case *arrow.StringType:
		c.i32(6, convertedUTF8)
		logical(c, 1, nil)
	case *arrow.Decimal128Type:
		c.i32(6, convertedDecimal)
		c.i32(7, t.Scale)
		c.i32(8, t.Precision)
		logical(c, 5, func() { c.i32(1, t.Scale); c.i32(2, t.Precision) })
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
