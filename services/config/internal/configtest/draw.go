// Package configtest draws messages of the contract for property tests, field by field, so that a field which the contract
// gains is tested too. What it draws is seldom valid: it is for code that must hold for every message. Start with Fill.
package configtest

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"
)

// Fill sets any of the fields of m, with strings from text. Lists hold up to 3 items, enums hold declared values,
// in lists specified ones, durations and timestamps lie within their type's bounds.
func Fill[M proto.Message](t *rapid.T, m M, text *rapid.Generator[string]) M {
	fill(t, m.ProtoReflect(), text)
	return m
}

func fill(t *rapid.T, m protoreflect.Message, text *rapid.Generator[string]) {
	switch value := m.Interface().(type) {
	case *durationpb.Duration:
		value.Seconds, value.Nanos = duration(t)
		return
	case *timestamppb.Timestamp:
		value.Seconds = rapid.Int64Range(0, 4e9).Draw(t, "seconds")
		return
	}
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		if field := fields.Get(i); rapid.Bool().Draw(t, string(field.Name())) {
			set(t, m, field, text)
		}
	}
}

// duration is short or long, whole or not; both halves of one have the same sign.
func duration(t *rapid.T) (seconds int64, nanos int32) {
	const longest = 315_576_000_000 // of google.protobuf.Duration
	seconds = rapid.OneOf(
		rapid.SampledFrom([]int64{0, 1, 90, 3600, 86400, -60}), rapid.Int64Range(-longest, longest),
	).Draw(t, "seconds")
	nanos = rapid.OneOf(rapid.Just(int32(0)), rapid.Int32Range(0, 999_999_999)).Draw(t, "nanos")
	if seconds < 0 {
		nanos = -nanos
	}
	return seconds, nanos
}

func set(t *rapid.T, m protoreflect.Message, field protoreflect.FieldDescriptor, text *rapid.Generator[string]) {
	switch {
	case field.IsList():
		list := m.Mutable(field).List()
		for range rapid.IntRange(0, 3).Draw(t, "items") {
			if field.Message() != nil {
				fill(t, list.AppendMutable().Message(), text)
			} else {
				list.Append(item(t, field, text))
			}
		}
	case field.Message() != nil:
		fill(t, m.Mutable(field).Message(), text)
	default:
		m.Set(field, scalar(t, field, text))
	}
}

// item is a scalar of a list, where an unspecified enum cannot be told from a mistake.
func item(t *rapid.T, field protoreflect.FieldDescriptor, text *rapid.Generator[string]) protoreflect.Value {
	if field.Enum() == nil {
		return scalar(t, field, text)
	}
	values := field.Enum().Values()
	return protoreflect.ValueOfEnum(values.Get(rapid.IntRange(1, values.Len()-1).Draw(t, "enum")).Number())
}

func scalar(t *rapid.T, field protoreflect.FieldDescriptor, text *rapid.Generator[string]) protoreflect.Value {
	switch field.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(text.Draw(t, "text"))
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(rapid.Bool().Draw(t, "bool"))
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(rapid.OneOf(rapid.Int32Range(0, 3), rapid.Int32()).Draw(t, "int"))
	case protoreflect.EnumKind:
		values := field.Enum().Values()
		return protoreflect.ValueOfEnum(values.Get(rapid.IntRange(0, values.Len()-1).Draw(t, "enum")).Number())
	default:
		t.Fatalf("field %s is of a kind that configtest cannot draw: teach it, and what it tests", field.FullName())
		panic("unreachable")
	}
}
