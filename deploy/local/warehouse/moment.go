package warehouse

import (
	"fmt"
	"math"
	"math/big"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/customer-exports/exports/pkg/dictionary"
)

const (
	microsPerSecond = 1_000_000
	nanosPerMicro   = 1_000
	nanosPerSecond  = 1_000_000_000
	// offsetZero is the wire value of UTC in the timezone field, in minutes.
	offsetZero = 1440
	// fineScale is the largest scale whose timestamps travel as one integer when they fit.
	fineScale = 7
	// shortScale is the largest scale at which a whole day fits 32 bits.
	shortScale = 4
)

// moment is an instant, or a time of day, as the source knows it: floored seconds and nanoseconds.
type moment struct {
	seconds int64
	nanos   int32
}

// ticks counts 10^-scale seconds, floored; not ok when an int64 cannot hold them.
func (m moment) ticks(scale int) (int64, bool) {
	unit := int64(math.Pow10(scale))
	high, low := bits.Mul64(uint64(max(m.seconds, -m.seconds)), uint64(unit))
	if high > 0 || low > math.MaxInt64-nanosPerSecond {
		return 0, false
	}
	return m.seconds*unit + int64(m.nanos)/(nanosPerSecond/unit), true
}

// momentsOf reads what DuckDB stores. A number counts nanoseconds: they are finer, and reach further, than
// DuckDB's own timestamps.
func momentsOf(source arrow.Array) (func(i int) moment, error) {
	switch v := source.(type) {
	case *array.Timestamp:
		return func(i int) moment { return fromMicros(int64(v.Value(i))) }, nil
	case *array.Time64:
		return func(i int) moment { return fromMicros(int64(v.Value(i))) }, nil
	case *array.Decimal128:
		return func(i int) moment {
			seconds, nanos := new(big.Int).DivMod(v.Value(i).BigInt(), big.NewInt(nanosPerSecond), new(big.Int))
			return moment{seconds.Int64(), int32(nanos.Int64())}
		}, nil
	}
	return nil, fmt.Errorf("time stored as %s", source.DataType())
}

func fromMicros(micros int64) moment {
	seconds := floorDivide(micros, microsPerSecond)
	return moment{seconds, int32((micros - seconds*microsPerSecond) * nanosPerMicro)}
}

func floorDivide(a, b int64) int64 {
	quotient := a / b
	if a%b < 0 {
		quotient--
	}
	return quotient
}

// encodeTime counts 10^-scale seconds since midnight, in 32 bits in every other chunk where they fit.
func encodeTime(t dictionary.Type, source arrow.Array, chunk int) (arrow.Array, error) {
	at, err := momentsOf(source)
	if err != nil {
		return nil, err
	}
	ticks := func(i int) int64 { count, _ := at(i).ticks(t.Scale); return count }
	if t.Scale <= shortScale && chunk%2 == 0 {
		b := array.NewInt32Builder(allocator)
		return build(b, source, b.Append, func(i int) int32 { return int32(ticks(i)) }), nil
	}
	b := array.NewInt64Builder(allocator)
	return build(b, source, b.Append, ticks), nil
}

// encodeTimestamp writes an integer in 10^-scale seconds, or a struct: always for TIMESTAMP_TZ, and
// for fine scales in every other chunk or when the integer would overflow.
func encodeTimestamp(t dictionary.Type, source arrow.Array, chunk int) (arrow.Array, error) {
	at, err := momentsOf(source)
	if err != nil {
		return nil, err
	}
	whole := fits(source, at, t.Scale)
	switch fine := t.Scale > fineScale; {
	case t.Kind == dictionary.KindTimestampTZ && (fine || !whole):
		return encodeParts(source, at, "epoch", "fraction", "timezone"), nil
	case t.Kind == dictionary.KindTimestampTZ:
		return encodeZoned(t.Scale, source, at), nil
	case !whole || fine && chunk%2 == 0:
		return encodeParts(source, at, "epoch", "fraction"), nil
	}
	b := array.NewInt64Builder(allocator)
	return build(b, source, b.Append, func(i int) int64 { count, _ := at(i).ticks(t.Scale); return count }), nil
}

func fits(source arrow.Array, at func(i int) moment, scale int) bool {
	for i := range source.Len() {
		if source.IsNull(i) {
			continue
		}
		if _, ok := at(i).ticks(scale); !ok {
			return false
		}
	}
	return true
}

// encodeZoned writes {epoch in 10^-scale seconds, timezone}.
func encodeZoned(scale int, source arrow.Array, at func(i int) moment) arrow.Array {
	b := newStructBuilder("epoch", "timezone")
	epoch, zone := b.FieldBuilder(0).(*array.Int64Builder), b.FieldBuilder(1).(*array.Int32Builder)
	return build(b, source, func(m moment) {
		count, _ := m.ticks(scale)
		b.Append(true)
		epoch.Append(count)
		zone.Append(offsetZero + offsetOf(m))
	}, at)
}

// encodeParts writes {epoch in seconds, fraction in nanoseconds} and the timezone when named. Before
// 1970 the seconds are floored, so the fraction is never negative.
func encodeParts(source arrow.Array, at func(i int) moment, names ...string) arrow.Array {
	b := newStructBuilder(names...)
	epoch, fraction := b.FieldBuilder(0).(*array.Int64Builder), b.FieldBuilder(1).(*array.Int32Builder)
	return build(b, source, func(m moment) {
		b.Append(true)
		epoch.Append(m.seconds)
		fraction.Append(m.nanos)
		if len(names) == 3 {
			b.FieldBuilder(2).(*array.Int32Builder).Append(offsetZero + offsetOf(m))
		}
	}, at)
}

func newStructBuilder(names ...string) *array.StructBuilder {
	fields := make([]arrow.Field, 0, len(names))
	for _, field := range names {
		var t arrow.DataType = arrow.PrimitiveTypes.Int32
		if field == "epoch" {
			t = arrow.PrimitiveTypes.Int64
		}
		fields = append(fields, arrow.Field{Name: field, Type: t, Nullable: true})
	}
	return array.NewStructBuilder(allocator, arrow.StructOf(fields...))
}

// offsetOf invents the offset of a TIMESTAMP_TZ, since only the instant is stored: a function of the
// instant, so that it is the same in every read.
func offsetOf(m moment) int32 {
	offsets := [...]int32{0, -480, 330, 60, -210, 840}
	micros := m.seconds*microsPerSecond + int64(m.nanos)/nanosPerMicro
	return offsets[uint64(micros)%uint64(len(offsets))]
}
