package convert

import (
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
)

// maxInt64Digits is the most digits that always fit an int64.
const maxInt64Digits = 18

// most is the largest number of the declared digits, as far as an int64 can be larger at all.
func (c *column) most() int64 {
	if c.want.Precision > maxInt64Digits {
		return math.MaxInt64
	}
	limit := int64(1)
	for range c.want.Precision {
		limit *= 10
	}
	return limit - 1
}

// mostWide is the largest number of the declared digits.
func (c *column) mostWide() decimal128.Num {
	return decimal128.GetMaxValue(int32(c.want.Precision)) //nolint:gosec // at most 38
}

func (c *column) tooLong(values arrow.Array, long func(i int) bool) error {
	return c.complain(values, func(i int) string {
		if long(i) {
			return "a number of more digits than declared"
		}
		return ""
	})
}

// integers fills a NUMBER(p,0) of at most 18 digits. The source picks a width anew for each chunk.
func (c *column) integers(into []int64, values arrow.Array) error {
	most, fits := c.most(), false
	switch v := values.(type) {
	case *array.Int8:
		fits = widen(into, v.Int8Values(), most)
	case *array.Int16:
		fits = widen(into, v.Int16Values(), most)
	case *array.Int32:
		fits = widen(into, v.Int32Values(), most)
	case *array.Int64:
		fits = widen(into, v.Int64Values(), most)
	case *array.Decimal128:
		return c.narrow(into, v)
	default:
		return c.unexpected(values)
	}
	if fits {
		return nil
	}
	return c.tooLong(values, func(i int) bool { return into[i] > most || into[i] < -most })
}

// widen reports whether all values are within the limit on either side, nulls included.
func widen[T int8 | int16 | int32 | int64](into []int64, values []T, most int64) bool {
	fits := true
	into = into[:len(values)]
	for i, value := range values {
		wide := int64(value)
		into[i] = wide
		if wide > most || wide < -most {
			fits = false
		}
	}
	return fits
}

// narrow needs all values, because one that is not null may have been cut to its low bits.
func (c *column) narrow(into []int64, values *array.Decimal128) error {
	if err := c.sameScale(values); err != nil {
		return err
	}
	source, most := values.Values(), c.mostWide()
	for i, value := range source {
		into[i] = int64(value.LowBits()) //nolint:gosec // the check of the digits follows
	}
	return c.sameDigits(values, source, most)
}

// decimals fills every other NUMBER(p,s). Wire values are unscaled, and the row type has proven that
// their scale is the dictionary's.
func (c *column) decimals(into []decimal128.Num, values arrow.Array) error {
	most, fits := c.most(), false
	switch v := values.(type) {
	case *array.Int8:
		fits = scale(into, v.Int8Values(), most)
	case *array.Int16:
		fits = scale(into, v.Int16Values(), most)
	case *array.Int32:
		fits = scale(into, v.Int32Values(), most)
	case *array.Int64:
		fits = scale(into, v.Int64Values(), most)
	case *array.Decimal128:
		if err := c.sameScale(v); err != nil {
			return err
		}
		copy(into, v.Values())
	default:
		return c.unexpected(values)
	}
	if fits {
		return nil
	}
	return c.sameDigits(values, into, c.mostWide())
}

// scale reports whether all values are within the limit on either side, nulls included.
func scale[T int8 | int16 | int32 | int64](into []decimal128.Num, values []T, most int64) bool {
	fits := true
	into = into[:len(values)]
	for i, value := range values {
		wide := int64(value)
		into[i] = decimal128.New(wide>>63, uint64(wide)) //nolint:gosec // two's complement
		if wide > most || wide < -most {
			fits = false
		}
	}
	return fits
}

// sameDigits refuses a number beyond the limit on either side.
func (c *column) sameDigits(values arrow.Array, numbers []decimal128.Num, most decimal128.Num) error {
	least := most.Negate()
	long := func(n decimal128.Num) bool { return n.Greater(most) || n.Less(least) }
	if !slices.ContainsFunc(numbers, long) {
		return nil
	}
	return c.tooLong(values, func(i int) bool { return long(numbers[i]) })
}

func (c *column) sameScale(values *array.Decimal128) error {
	if t, ok := values.DataType().(*arrow.Decimal128Type); !ok || int(t.Scale) != c.want.Scale {
		return c.unexpected(values)
	}
	return nil
}

// doubles fills FLOAT with the same bits, whatever they mean.
func (c *column) doubles(into []float64, values arrow.Array) error {
	v, ok := values.(*array.Float64)
	if !ok {
		return c.unexpected(values)
	}
	copy(into, v.Float64Values())
	return nil
}
