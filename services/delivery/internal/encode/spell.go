package encode

import (
	"encoding/base64"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
)

// spelling gives the cells of every type but text, as both text formats spell them; of a row that is null they mean
// nothing. What each type looks like is agreed in the extractor's TYPES.md. Scale is that of a number.
func spelling(values arrow.Array, scale int) cell {
	switch c := values.(type) {
	case *array.Int64:
		if scale == 0 {
			return func(to []byte, row int) []byte { return strconv.AppendInt(to, c.Value(row), 10) }
		}
		return func(to []byte, row int) []byte { return appendDecimal(to, decimal128.FromI64(c.Value(row)), scale) }
	case *array.Decimal128:
		return func(to []byte, row int) []byte { return appendDecimal(to, c.Value(row), scale) }
	case *array.Float64:
		return func(to []byte, row int) []byte { return appendDouble(to, c.Value(row)) }
	case *array.Boolean:
		return func(to []byte, row int) []byte { return strconv.AppendBool(to, c.Value(row)) }
	case *array.Date32:
		return func(to []byte, row int) []byte { return appendDate(to, int64(c.Value(row))) }
	case *array.Time64:
		return func(to []byte, row int) []byte { return appendClock(to, int64(c.Value(row))) }
	case *array.Timestamp:
		return func(to []byte, row int) []byte { return appendInstant(to, int64(c.Value(row))) }
	case *array.Binary:
		return func(to []byte, row int) []byte { return base64.StdEncoding.AppendEncode(to, c.Value(row)) }
	}
	panic(fmt.Sprintf("no spelling of %s", values.DataType())) // arrowschema has no other type
}

// zeros are as many as the widest number has digits.
const zeros = "00000000000000000000000000000000000000"

// appendDecimal writes all digits of the scale, with at least one before the point.
func appendDecimal(to []byte, n decimal128.Num, scale int) []byte {
	if n.Sign() < 0 {
		to, n = append(to, '-'), n.Negate()
	}
	var room [len(zeros) + 1]byte
	digits := appendDigits(room[:0], n)
	switch point := len(digits) - scale; {
	case scale == 0:
		return append(to, digits...)
	case point <= 0:
		to = append(append(to, "0."...), zeros[:-point]...)
		return append(to, digits...)
	default:
		return append(append(append(to, digits[:point]...), '.'), digits[point:]...)
	}
}

// half is by what a 128-bit number is cut into two of 64 bits; the lower one has halfDigits.
const (
	half       = 1e19
	halfDigits = 19
)

func appendDigits(to []byte, n decimal128.Num) []byte {
	high, low := bits.Div64(uint64(n.HighBits()), n.LowBits(), half)
	if high == 0 {
		return strconv.AppendUint(to, low, 10)
	}
	to = strconv.AppendUint(to, high, 10)
	from := len(to)
	to = append(to, zeros[:halfDigits]...)
	for i := len(to) - 1; i >= from; i-- {
		to[i], low = byte('0'+low%10), low/10
	}
	return to
}

// appendDouble writes the fewest digits that read back as the same double, with an exponent only where there would be rows of
// zeros.
func appendDouble(to []byte, f float64) []byte {
	switch size := math.Abs(f); {
	case math.IsNaN(f):
		return append(to, "NaN"...)
	case math.IsInf(f, 1):
		return append(to, "Infinity"...)
	case math.IsInf(f, -1):
		return append(to, "-Infinity"...)
	case f == 0 && math.Signbit(f):
		return append(to, "-0.0"...) // without the point, readers of JSON take it for the whole number 0
	case size != 0 && (size < 1e-6 || size >= 1e21):
		return strconv.AppendFloat(to, f, 'e', -1, 64)
	default:
		return strconv.AppendFloat(to, f, 'f', -1, 64)
	}
}

// Units of time, in microseconds.
const (
	second = 1_000_000
	minute = 60 * second
	hour   = 60 * minute
	day    = 24 * hour
)

// appendDate takes days since 1970.
func appendDate(to []byte, days int64) []byte {
	y, m, d := time.Unix(days*(day/second), 0).UTC().Date()
	to = appendPadded(to, int64(y), 1000)
	to = appendPadded(append(to, '-'), int64(m), 10)
	return appendPadded(append(to, '-'), int64(d), 10)
}

// appendClock takes microseconds since midnight.
func appendClock(to []byte, micros int64) []byte {
	to = appendPadded(to, micros/hour, 10)
	to = appendPadded(append(to, ':'), micros%hour/minute, 10)
	to = appendPadded(append(to, ':'), micros%minute/second, 10)
	return appendPadded(append(to, '.'), micros%second, second/10)
}

// appendInstant takes microseconds since 1970, in UTC.
func appendInstant(to []byte, micros int64) []byte {
	clock := (micros%day + day) % day
	to = appendDate(to, (micros-clock)/day)
	return append(appendClock(append(to, 'T'), clock), 'Z')
}

// appendPadded writes as many digits as least has. It cuts nothing off: a number that is too wide shows.
func appendPadded(to []byte, n, least int64) []byte {
	for ; n < least && least > 1; least /= 10 {
		to = append(to, '0')
	}
	return strconv.AppendInt(to, n, 10)
}
