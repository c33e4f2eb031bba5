package convert

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
)

// integer is every width that the source narrows a NUMBER to; it picks one anew for each chunk.
type integer interface {
	int8 | int16 | int32 | int64
}

// int64s fills a NUMBER(p,0) of at most 18 digits.
func (c column) int64s(target *array.Int64Builder, values arrow.Array) error {
	limit := int64(1)
	for range c.want.Precision {
		limit *= 10
	}
	switch v := values.(type) {
	case *array.Int8:
		return widen(c, target, v, v.Int8Values(), limit)
	case *array.Int16:
		return widen(c, target, v, v.Int16Values(), limit)
	case *array.Int32:
		return widen(c, target, v, v.Int32Values(), limit)
	case *array.Int64:
		return widen(c, target, v, v.Int64Values(), limit)
	case *array.Decimal128:
		return c.narrow(target, v, limit)
	}
	return c.unexpected(values)
}

func widen[T integer](c column, target *array.Int64Builder, nulls arrow.Array, values []T, limit int64) error {
	for i, value := range values {
		switch wide := int64(value); {
		case nulls.IsNull(i):
			target.UnsafeAppendBoolToBitmap(false)
		case wide <= -limit || wide >= limit:
			return c.refused("holds a number of more than %d digits", c.want.Precision)
		default:
			target.UnsafeAppend(wide)
		}
	}
	return nil
}

func (c column) narrow(target *array.Int64Builder, values *array.Decimal128, limit int64) error {
	if err := c.sameScale(values); err != nil {
		return err
	}
	least, most := decimal128.FromI64(-limit), decimal128.FromI64(limit)
	for i, value := range values.Values() {
		switch {
		case values.IsNull(i):
			target.UnsafeAppendBoolToBitmap(false)
		case value.Cmp(least) <= 0 || value.Cmp(most) >= 0:
			return c.refused("holds a number of more than %d digits", c.want.Precision)
		default:
			target.UnsafeAppend(int64(value.LowBits())) //nolint:gosec // in range by the case above
		}
	}
	return nil
}

// decimals fills every other NUMBER(p,s). Wire values are unscaled, and the row type has proven that
// their scale is the dictionary's.
func (c column) decimals(target *array.Decimal128Builder, values arrow.Array) error {
	switch v := values.(type) {
	case *array.Int8:
		return scale(c, target, v, v.Int8Values())
	case *array.Int16:
		return scale(c, target, v, v.Int16Values())
	case *array.Int32:
		return scale(c, target, v, v.Int32Values())
	case *array.Int64:
		return scale(c, target, v, v.Int64Values())
	case *array.Decimal128:
		return c.copyDecimals(target, v)
	}
	return c.unexpected(values)
}

func scale[T integer](c column, target *array.Decimal128Builder, nulls arrow.Array, values []T) error {
	most := decimal128.GetMaxValue(int32(c.want.Precision)) //nolint:gosec // at most 38
	least := most.Negate()
	for i, value := range values {
		if nulls.IsNull(i) {
			target.UnsafeAppendBoolToBitmap(false)
			continue
		}
		wide := decimal128.FromI64(int64(value))
		if wide.Less(least) || wide.Greater(most) {
			return c.refused("holds a number of more than %d digits", c.want.Precision)
		}
		target.UnsafeAppend(wide)
	}
	return nil
}

func (c column) copyDecimals(target *array.Decimal128Builder, values *array.Decimal128) error {
	if err := c.sameScale(values); err != nil {
		return err
	}
	most := decimal128.GetMaxValue(int32(c.want.Precision)) //nolint:gosec // at most 38
	least := most.Negate()
	for i, value := range values.Values() {
		switch {
		case values.IsNull(i):
			target.UnsafeAppendBoolToBitmap(false)
		case value.Less(least) || value.Greater(most):
			return c.refused("holds a number of more than %d digits", c.want.Precision)
		default:
			target.UnsafeAppend(value)
		}
	}
	return nil
}

func (c column) sameScale(values *array.Decimal128) error {
	if t, ok := values.DataType().(*arrow.Decimal128Type); !ok || int(t.Scale) != c.want.Scale {
		return c.unexpected(values)
	}
	return nil
}
