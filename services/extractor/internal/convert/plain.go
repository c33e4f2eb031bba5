package convert

import (
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// strings fills text. The source passes bytes that are not UTF-8 through without a word; a reader of
// the file would stumble over them.
func (c column) strings(target *array.StringBuilder, values arrow.Array) error {
	v, ok := values.(*array.String)
	if !ok {
		return c.unexpected(values)
	}
	target.ReserveData(len(v.ValueBytes()))
	for i := range v.Len() {
		if v.IsNull(i) {
			target.AppendNull()
			continue
		}
		text := v.Value(i)
		if !utf8.ValidString(text) {
			return c.refused("holds text that is not UTF-8")
		}
		target.Append(text)
	}
	return nil
}

// same fills the types that have one form only.
func (c column) same(target array.Builder, values arrow.Array) error {
	switch v := values.(type) {
	case *array.Float64:
		return copyValues(c, target, v, v.Value)
	case *array.Boolean:
		return copyValues(c, target, v, v.Value)
	case *array.Date32:
		return copyValues(c, target, v, v.Value)
	case *array.Binary:
		return copyValues(c, target, v, v.Value)
	}
	return c.unexpected(values)
}

// appender is the part of a typed builder that takes one value.
type appender[T any] interface {
	Append(value T)
	AppendNull()
}

func copyValues[T any](c column, target array.Builder, values arrow.Array, value func(int) T) error {
	typed, ok := target.(appender[T])
	if !ok {
		return c.unexpected(values)
	}
	for i := range values.Len() {
		if values.IsNull(i) {
			typed.AppendNull()
			continue
		}
		typed.Append(value(i))
	}
	return nil
}
