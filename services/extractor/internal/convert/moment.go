package convert

import (
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

const (
	microsPerSecond = 1_000_000
	nanosPerMicro   = 1_000
	nanosPerSecond  = 1_000_000_000
	microsPerDay    = 24 * 60 * 60 * microsPerSecond
	microDigits     = 6
)

// ticks turns a count of 10^-scale seconds into microseconds; not ok when that loses or overflows.
type ticks struct{ factor, divisor int64 }

func ticksOf(digits int) ticks {
	t := ticks{factor: 1, divisor: 1}
	for ; digits < microDigits; digits++ {
		t.factor *= 10
	}
	for ; digits > microDigits; digits-- {
		t.divisor *= 10
	}
	return t
}

func (t ticks) micros(value int64) (int64, bool) {
	if value%t.divisor != 0 || value > math.MaxInt64/t.factor || value < math.MinInt64/t.factor {
		return 0, false
	}
	return value / t.divisor * t.factor, true
}

// timestamps fills the three TIMESTAMP kinds with UTC microseconds. A chunk holds either a count of
// 10^-scale seconds, or a struct of an epoch with a fraction in nanoseconds, a time zone, or both.
// The zone is an offset for display: the epoch is the UTC instant in any case.
func (c column) timestamps(target *array.TimestampBuilder, values arrow.Array) error {
	if v, ok := values.(*array.Struct); ok {
		return c.structs(target, v)
	}
	v, ok := values.(*array.Int64)
	if !ok {
		return c.unexpected(values)
	}
	return c.epochs(target, v, v)
}

// epochs appends a plain count; nulls may be the struct around it.
func (c column) epochs(target *array.TimestampBuilder, nulls arrow.Array, values *array.Int64) error {
	unit := ticksOf(c.got.Scale)
	for i, value := range values.Int64Values() {
		if nulls.IsNull(i) {
			target.UnsafeAppendBoolToBitmap(false)
			continue
		}
		micros, ok := unit.micros(value)
		if !ok {
			return c.inexact()
		}
		target.UnsafeAppend(arrow.Timestamp(micros))
	}
	return nil
}

func (c column) structs(target *array.TimestampBuilder, values *array.Struct) error {
	kind, ok := values.DataType().(*arrow.StructType)
	if !ok {
		return c.unexpected(values)
	}
	at, found := kind.FieldIdx("epoch")
	if !found {
		return c.unexpected(values)
	}
	epochs, ok := values.Field(at).(*array.Int64)
	if !ok || c.hollow(values, epochs) {
		return c.unexpected(values)
	}
	at, found = kind.FieldIdx("fraction")
	if !found {
		return c.epochs(target, values, epochs)
	}
	fractions, ok := values.Field(at).(*array.Int32)
	if !ok || c.hollow(values, fractions) {
		return c.unexpected(values)
	}
	return c.split(target, values, epochs, fractions)
}

// split appends seconds with a fraction in nanoseconds. Before 1970 the source floors the seconds; a
// negative fraction is understood too, because the sum is the same instant.
func (c column) split(target *array.TimestampBuilder, nulls arrow.Array, epochs *array.Int64, fractions *array.Int32) error {
	for i, second := range epochs.Int64Values() {
		if nulls.IsNull(i) {
			target.UnsafeAppendBoolToBitmap(false)
			continue
		}
		nanos := int64(fractions.Value(i))
		micros, ok := ticks{factor: microsPerSecond, divisor: 1}.micros(second)
		if !ok || nanos%nanosPerMicro != 0 || nanos <= -nanosPerSecond || nanos >= nanosPerSecond {
			return c.inexact()
		}
		sum := micros + nanos/nanosPerMicro
		if (nanos > 0) != (sum > micros) && nanos != 0 {
			return c.inexact()
		}
		target.UnsafeAppend(arrow.Timestamp(sum))
	}
	return nil
}

// hollow reports a child that is null where its struct is not: such a value has no meaning.
func (c column) hollow(parent, child arrow.Array) bool {
	if child.NullN() == 0 {
		return false
	}
	for i := range parent.Len() {
		if child.IsNull(i) && !parent.IsNull(i) {
			return true
		}
	}
	return false
}

// times fills TIME with microseconds since midnight.
func (c column) times(target *array.Time64Builder, values arrow.Array) error {
	switch v := values.(type) {
	case *array.Int32:
		return clock(c, target, v, v.Int32Values())
	case *array.Int64:
		return clock(c, target, v, v.Int64Values())
	}
	return c.unexpected(values)
}

func clock[T int32 | int64](c column, target *array.Time64Builder, nulls arrow.Array, values []T) error {
	unit := ticksOf(c.got.Scale)
	for i, value := range values {
		if nulls.IsNull(i) {
			target.UnsafeAppendBoolToBitmap(false)
			continue
		}
		micros, ok := unit.micros(int64(value))
		if !ok || micros < 0 || micros >= microsPerDay {
			return c.inexact()
		}
		target.UnsafeAppend(arrow.Time64(micros))
	}
	return nil
}

func (c column) inexact() error {
	return c.refused("holds a time that whole microseconds cannot express")
}
