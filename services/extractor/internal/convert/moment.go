package convert

import (
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/customer-exports/exports/pkg/dictionary"
)

const (
	microsPerSecond = 1_000_000
	nanosPerMicro   = 1_000
	nanosPerSecond  = 1_000_000_000
	secondsPerDay   = 24 * 60 * 60
	microsPerDay    = secondsPerDay * microsPerSecond
	microDigits     = 6
)

// The first and the last day of the years 0001 to 9999, which are all that the text formats can spell and
// that readers of Parquet agree on.
const (
	firstDay    = -719_162
	lastDay     = 2_932_896
	firstMicro  = firstDay * microsPerDay
	lastMicro   = (lastDay+1)*microsPerDay - 1
	firstSecond = firstDay * secondsPerDay
	lastSecond  = (lastDay+1)*secondsPerDay - 1
)

const (
	tooFine = "a time finer than a microsecond"
	tooFar  = "a time outside the years 0001 to 9999"
	noTime  = "a time that is not within a day"
)

// dates fills DATE.
func (c *column) dates(into []arrow.Date32, values arrow.Array) error {
	v, ok := values.(*array.Date32)
	if !ok {
		return c.unexpected(values)
	}
	fits := true
	for i, day := range v.Date32Values() {
		into[i] = day
		fits = fits && day >= firstDay && day <= lastDay
	}
	if fits {
		return nil
	}
	return c.complain(values, func(i int) string {
		if into[i] < firstDay || into[i] > lastDay {
			return "a date outside the years 0001 to 9999"
		}
		return ""
	})
}

// ticks turns a count of 10^-scale seconds into microseconds between two bounds.
type ticks struct {
	factor, divisor int64
	// first and last bound the count once it is divided.
	first, last int64
}

func ticksOf(digits int, first, last int64) ticks {
	t := ticks{factor: 1, divisor: 1}
	for ; digits < microDigits; digits++ {
		t.factor *= 10
	}
	for ; digits > microDigits; digits-- {
		t.divisor *= 10
	}
	t.first, t.last = first/t.factor, last/t.factor
	return t
}

// wrong says why a count has no microseconds.
func (t ticks) wrong(count int64, far string) string {
	switch whole := count / t.divisor; {
	case whole < t.first || whole > t.last || count < 0 && t.first == 0:
		return far
	case whole*t.divisor != count:
		return tooFine
	}
	return ""
}

// micros reports whether all counts have microseconds, nulls included.
func micros[T ~int64, S int32 | int64](t ticks, into []T, counts []S) bool {
	fits := true
	into = into[:len(counts)]
	if t.divisor == 1 {
		for i, count := range counts {
			whole := int64(count)
			into[i] = T(whole * t.factor)
			if whole < t.first || whole > t.last {
				fits = false
			}
		}
		return fits
	}
	for i, count := range counts {
		whole := int64(count) / t.divisor
		into[i] = T(whole)
		if whole*t.divisor != int64(count) || whole < t.first || whole > t.last {
			fits = false
		}
	}
	return fits
}

// times fills TIME with microseconds since midnight.
func (c *column) times(into []arrow.Time64, values arrow.Array) error {
	t := ticksOf(c.got.Scale, 0, microsPerDay-1)
	switch v := values.(type) {
	case *array.Int32:
		return counts(c, t, into, values, v.Int32Values(), noTime)
	case *array.Int64:
		return counts(c, t, into, values, v.Int64Values(), noTime)
	}
	return c.unexpected(values)
}

func counts[T ~int64, S int32 | int64](c *column, t ticks, into []T, values arrow.Array, counts []S, far string) error {
	if micros(t, into, counts) {
		return nil
	}
	return c.complain(values, func(i int) string { return t.wrong(int64(counts[i]), far) })
}

// timestamps fills the three TIMESTAMP kinds with UTC microseconds. A chunk holds a count of 10^-scale
// seconds or a struct. The zone in it is an offset for display: the epoch is the UTC instant in any case.
func (c *column) timestamps(into []arrow.Timestamp, values arrow.Array) error {
	switch v := values.(type) {
	case *array.Int64:
		return c.epochs(into, values, v)
	case *array.Struct:
		return c.structs(into, v)
	}
	return c.unexpected(values)
}

func (c *column) epochs(into []arrow.Timestamp, values arrow.Array, epochs *array.Int64) error {
	return counts(c, ticksOf(c.got.Scale, firstMicro, lastMicro), into, values, epochs.Int64Values(), tooFar)
}

// structs reads the forms that are known and no other: to pass over a field would be to lose what it says.
func (c *column) structs(into []arrow.Timestamp, values *array.Struct) error {
	zoned := c.want.Kind == dictionary.KindTimestampTZ
	switch form := formOf(values); {
	case hollow(values):
		return c.unexpected(values)
	case zoned && form == "epoch int64, timezone int32":
		epochs, _ := values.Field(0).(*array.Int64) // by its form
		return c.epochs(into, values, epochs)
	case zoned && form == "epoch int64, fraction int32, timezone int32", !zoned && form == "epoch int64, fraction int32":
		seconds, _ := values.Field(0).(*array.Int64)
		fractions, _ := values.Field(1).(*array.Int32)
		return c.split(into, values, seconds.Int64Values(), fractions.Int32Values())
	}
	return c.unexpected(values)
}

func formOf(values *array.Struct) string {
	var fields []string
	if kind, ok := values.DataType().(*arrow.StructType); ok {
		for _, f := range kind.Fields() {
			fields = append(fields, f.Name+" "+f.Type.String())
		}
	}
	return strings.Join(fields, ", ")
}

// hollow reports a field that is null where its struct is not: such a value has no meaning.
func hollow(values *array.Struct) bool {
	for f := range values.NumField() {
		for i := range nulls(values.Field(f)) {
			if values.IsValid(i) {
				return true
			}
		}
	}
	return false
}

// split adds a fraction in nanoseconds to seconds. Before 1970 the source floors the seconds; a negative
// fraction is understood too, because the sum is the same instant.
func (c *column) split(into []arrow.Timestamp, values arrow.Array, seconds []int64, fractions []int32) error {
	fits := true
	for i, second := range seconds {
		nanos := int64(fractions[i])
		into[i] = arrow.Timestamp(second*microsPerSecond + nanos/nanosPerMicro)
		fits = fits && wrongParts(second, nanos) == ""
	}
	if fits {
		return nil
	}
	return c.complain(values, func(i int) string { return wrongParts(seconds[i], int64(fractions[i])) })
}

func wrongParts(second, nanos int64) string {
	switch {
	case second < firstSecond || second > lastSecond || second == firstSecond && nanos < 0:
		return tooFar
	case nanos <= -nanosPerSecond || nanos >= nanosPerSecond:
		return "a fraction of more than a second"
	case nanos%nanosPerMicro != 0:
		return tooFine
	}
	return ""
}
