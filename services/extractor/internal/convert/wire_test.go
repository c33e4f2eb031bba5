package convert_test

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/customer-exports/exports/pkg/dictionary"
)

// This file spells values on the wire, and reads what landed, with nothing of the code under test: math/big
// for numbers, package time for instants.

// null stands for no value among texts.
const null = "∅"

// instantForm spells instants, and clockForm times of day, with nine digits of a second.
const (
	instantForm = "2006-01-02T15:04:05.000000000Z"
	clockForm   = "15:04:05.000000000"
)

// spelling builds an array from canonical texts: plain digits, instantForm, clockForm, dates, text itself.
// An instant may also be "@seconds", for years that have no form.
type spelling func(t *testing.T, declared dictionary.Type, texts []string) arrow.Array

// filled builds an array, nulls included.
func filled[B array.Builder](t *testing.T, kind arrow.DataType, texts []string, add func(B, string)) arrow.Array {
	t.Helper()
	builder := array.NewBuilder(memory.DefaultAllocator, kind)
	defer builder.Release()
	typed, ok := builder.(B)
	if !ok {
		t.Fatalf("builder of %s is %T", kind, builder)
	}
	for _, text := range texts {
		if text == null {
			builder.AppendNull()
			continue
		}
		add(typed, text)
	}
	return builder.NewArray()
}

// unscaled is the number without its point.
func unscaled(t *testing.T, declared dictionary.Type, text string) *big.Int {
	t.Helper()
	whole, fraction, _ := strings.Cut(text, ".")
	n, ok := new(big.Int).SetString(whole+fraction, 10)
	if !ok || len(fraction) != declared.Scale {
		t.Fatalf("%q is not a number of scale %d", text, declared.Scale)
	}
	return n
}

func spellInt8(t *testing.T, d dictionary.Type, texts []string) arrow.Array {
	return filled(t, arrow.PrimitiveTypes.Int8, texts, func(b *array.Int8Builder, s string) { b.Append(int8(unscaled(t, d, s).Int64())) })
}

func spellInt16(t *testing.T, d dictionary.Type, texts []string) arrow.Array {
	return filled(t, arrow.PrimitiveTypes.Int16, texts, func(b *array.Int16Builder, s string) { b.Append(int16(unscaled(t, d, s).Int64())) })
}

func spellInt32(t *testing.T, d dictionary.Type, texts []string) arrow.Array {
	return filled(t, arrow.PrimitiveTypes.Int32, texts, func(b *array.Int32Builder, s string) { b.Append(int32(unscaled(t, d, s).Int64())) })
}

func spellInt64(t *testing.T, d dictionary.Type, texts []string) arrow.Array {
	return filled(t, arrow.PrimitiveTypes.Int64, texts, func(b *array.Int64Builder, s string) { b.Append(unscaled(t, d, s).Int64()) })
}

func spellDecimal(t *testing.T, d dictionary.Type, texts []string) arrow.Array {
	kind := &arrow.Decimal128Type{Precision: int32(d.Precision), Scale: int32(d.Scale)}
	return filled(t, kind, texts, func(b *array.Decimal128Builder, s string) { b.Append(twoWords(unscaled(t, d, s))) })
}

// twoWords is a number of at most 128 bits in two's complement.
func twoWords(n *big.Int) decimal128.Num {
	low := new(big.Int).And(n, new(big.Int).SetUint64(math.MaxUint64))
	return decimal128.New(new(big.Int).Rsh(n, 64).Int64(), low.Uint64())
}

func spellDouble(t *testing.T, _ dictionary.Type, texts []string) arrow.Array {
	return filled(t, arrow.PrimitiveTypes.Float64, texts, func(b *array.Float64Builder, s string) {
		value, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		b.Append(value)
	})
}

func spellBoolean(t *testing.T, _ dictionary.Type, texts []string) arrow.Array {
	return filled(t, arrow.FixedWidthTypes.Boolean, texts, func(b *array.BooleanBuilder, s string) { b.Append(s == "true") })
}

func spellText(t *testing.T, _ dictionary.Type, texts []string) arrow.Array {
	return filled(t, arrow.BinaryTypes.String, texts, func(b *array.StringBuilder, s string) { b.Append(s) })
}

func spellBinary(t *testing.T, _ dictionary.Type, texts []string) arrow.Array {
	return filled(t, arrow.BinaryTypes.Binary, texts, func(b *array.BinaryBuilder, s string) { b.Append([]byte(s)) })
}

func spellDate(t *testing.T, _ dictionary.Type, texts []string) arrow.Array {
	return filled(t, arrow.PrimitiveTypes.Date32, texts, func(b *array.Date32Builder, s string) {
		b.Append(arrow.Date32(epochOf(t, s, time.DateOnly) / 86_400))
	})
}

// epochOf is the seconds since 1970, floored.
func epochOf(t *testing.T, text, form string) int64 {
	t.Helper()
	if seconds, far := strings.CutPrefix(text, "@"); far {
		n, err := strconv.ParseInt(seconds, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return parsed(t, form, text).Unix()
}

func parsed(t *testing.T, form, text string) time.Time {
	t.Helper()
	at, err := time.Parse(form, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// ticksSince counts 10^-scale seconds; the texts have no finer digits.
func ticksSince(t *testing.T, d dictionary.Type, text string) int64 {
	t.Helper()
	nanos := int64(0)
	if !strings.HasPrefix(text, "@") {
		nanos = int64(parsed(t, instantForm, text).Nanosecond())
	}
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(9-d.Scale)), nil)
	sum := new(big.Int).Mul(big.NewInt(epochOf(t, text, instantForm)), big.NewInt(1_000_000_000))
	count, rest := new(big.Int).DivMod(sum.Add(sum, big.NewInt(nanos)), unit, new(big.Int))
	if rest.Sign() != 0 || !count.IsInt64() {
		t.Fatalf("%s has no int64 at scale %d", text, d.Scale)
	}
	return count.Int64()
}

func spellEpoch(t *testing.T, d dictionary.Type, texts []string) arrow.Array {
	return filled(t, arrow.PrimitiveTypes.Int64, texts, func(b *array.Int64Builder, s string) { b.Append(ticksSince(t, d, s)) })
}

func spellParts(t *testing.T, _ dictionary.Type, texts []string) arrow.Array {
	return filled(t, parts, texts, func(b *array.StructBuilder, s string) { appendParts(t, b, s, 0) })
}

// spellNegativeParts rounds the seconds towards zero, so that before 1970 the fraction is negative.
func spellNegativeParts(t *testing.T, _ dictionary.Type, texts []string) arrow.Array {
	return filled(t, parts, texts, func(b *array.StructBuilder, s string) { appendParts(t, b, s, 1) })
}

func spellZoned(t *testing.T, d dictionary.Type, texts []string) arrow.Array {
	return filled(t, zoned, texts, func(b *array.StructBuilder, s string) {
		b.Append(true)
		b.FieldBuilder(0).(*array.Int64Builder).Append(ticksSince(t, d, s))
		b.FieldBuilder(1).(*array.Int32Builder).Append(offset(b.Len()))
	})
}

func spellZonedParts(t *testing.T, _ dictionary.Type, texts []string) arrow.Array {
	return filled(t, zonedParts, texts, func(b *array.StructBuilder, s string) {
		appendParts(t, b, s, 0)
		b.FieldBuilder(2).(*array.Int32Builder).Append(offset(b.Len()))
	})
}

// offset varies the zone, which must change nothing: -12:00 to +14:00 in minutes from 1440.
func offset(i int) int32 { return int32(1440 - 720 + i*97%1561) }

func appendParts(t *testing.T, b *array.StructBuilder, text string, carry int64) {
	t.Helper()
	seconds, nanos := epochOf(t, text, instantForm), int64(0)
	if !strings.HasPrefix(text, "@") {
		nanos = int64(parsed(t, instantForm, text).Nanosecond())
	}
	if carry > 0 && seconds < 0 && nanos > 0 {
		seconds, nanos = seconds+carry, nanos-carry*1_000_000_000
	}
	b.Append(true)
	b.FieldBuilder(0).(*array.Int64Builder).Append(seconds)
	b.FieldBuilder(1).(*array.Int32Builder).Append(int32(nanos))
}

func spellClock32(t *testing.T, d dictionary.Type, texts []string) arrow.Array {
	return filled(t, arrow.PrimitiveTypes.Int32, texts, func(b *array.Int32Builder, s string) { b.Append(int32(clockTicks(t, d, s))) })
}

func spellClock64(t *testing.T, d dictionary.Type, texts []string) arrow.Array {
	return filled(t, arrow.PrimitiveTypes.Int64, texts, func(b *array.Int64Builder, s string) { b.Append(clockTicks(t, d, s)) })
}

func clockTicks(t *testing.T, d dictionary.Type, text string) int64 {
	t.Helper()
	if strings.HasPrefix(text, "@") {
		return ticksSince(t, d, text)
	}
	return ticksSince(t, d, "1970-01-01T"+text+"Z")
}

// landed spells the values of what came out. Instants and times keep microseconds.
func landed(t *testing.T, declared dictionary.Type, values arrow.Array) []string {
	t.Helper()
	list := make([]string, values.Len())
	for i := range list {
		if values.IsNull(i) {
			list[i] = null
			continue
		}
		list[i] = spelled(t, declared, values, i)
	}
	return list
}

func spelled(t *testing.T, declared dictionary.Type, values arrow.Array, i int) string {
	t.Helper()
	switch v := values.(type) {
	case *array.Int64:
		return pointed(big.NewInt(v.Value(i)), declared.Scale)
	case *array.Decimal128:
		return pointed(v.Value(i).BigInt(), declared.Scale)
	case *array.Float64:
		return strconv.FormatFloat(v.Value(i), 'g', -1, 64)
	case *array.Boolean:
		return strconv.FormatBool(v.Value(i))
	case *array.Date32:
		return time.Unix(int64(v.Value(i))*86_400, 0).UTC().Format(time.DateOnly)
	case *array.Time64:
		return time.UnixMicro(int64(v.Value(i))).UTC().Format(clockForm)
	case *array.Timestamp:
		return time.UnixMicro(int64(v.Value(i))).UTC().Format(instantForm)
	case *array.String:
		return v.Value(i)
	case *array.Binary:
		return string(v.Value(i))
	}
	t.Fatalf("%s lands nowhere", values.DataType())
	return ""
}

// pointed writes a number with all digits of its scale.
func pointed(n *big.Int, scale int) string {
	digits := new(big.Int).Abs(n).String()
	digits = strings.Repeat("0", max(0, scale+1-len(digits))) + digits
	if scale > 0 {
		digits = digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
	}
	if n.Sign() < 0 {
		return "-" + digits
	}
	return digits
}
