package diff

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// maxText is how many characters of a value a change shows.
const maxText = 500

// isValue holds for messages that are one value, such as 86400s.
func isValue(m protoreflect.MessageDescriptor) bool {
	return m.FullName() == (&durationpb.Duration{}).ProtoReflect().Descriptor().FullName() ||
		m.FullName() == (&timestamppb.Timestamp{}).ProtoReflect().Descriptor().FullName()
}

// valueOf returns an invalid value for a field that is not set.
func valueOf(m protoreflect.Message, field protoreflect.FieldDescriptor) protoreflect.Value {
	if m == nil || !m.Has(field) {
		return protoreflect.Value{}
	}
	return m.Get(field)
}

func messageOf(v protoreflect.Value) protoreflect.Message {
	if !v.IsValid() {
		return nil
	}
	return v.Message()
}

func listOf(v protoreflect.Value) []protoreflect.Value {
	if !v.IsValid() {
		return nil
	}
	items := make([]protoreflect.Value, v.List().Len())
	for i := range items {
		items[i] = v.List().Get(i)
	}
	return items
}

func presence(v protoreflect.Value) string {
	if !v.IsValid() {
		return ""
	}
	return "{}"
}

// literal writes a value as JSON, and one that is not set as "".
func literal(field protoreflect.FieldDescriptor, v protoreflect.Value) string {
	switch {
	case !v.IsValid():
		return ""
	case field.Message() != nil:
		return messageLiteral(v.Message())
	case field.Enum() != nil || field.Kind() == protoreflect.StringKind:
		return quote(text(field, v))
	default:
		return text(field, v)
	}
}

// messageLiteral shows the parts of a value outside its type's bounds, which has no JSON form.
func messageLiteral(m protoreflect.Message) string {
	text, err := protojson.Marshal(m.Interface())
	if err != nil {
		fields := m.Descriptor().Fields()
		return fmt.Sprintf(`{"seconds":%v,"nanos":%v}`, m.Get(fields.ByName("seconds")), m.Get(fields.ByName("nanos")))
	}
	return string(text)
}

func texts(field protoreflect.FieldDescriptor, list []protoreflect.Value) []string {
	all := make([]string, len(list))
	for i, v := range list {
		all[i] = text(field, v)
	}
	return all
}

// text writes a scalar for a list, where nothing is unset and quotes would only be in the way.
func text(field protoreflect.FieldDescriptor, v protoreflect.Value) string {
	switch field.Kind() {
	case protoreflect.EnumKind:
		if value := field.Enum().Values().ByNumber(v.Enum()); value != nil {
			return string(value.Name())
		}
		return fmt.Sprint(v.Enum())
	case protoreflect.BytesKind:
		return fmt.Sprintf("%x", v.Bytes())
	default:
		return v.String()
	}
}

func quote(s string) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(s); err != nil {
		return `"unprintable"` // a string always has a JSON form
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

// clip cuts a text to maxText characters, the last of them an ellipsis.
func clip(s string) string {
	if len(s) <= maxText || utf8.RuneCountInString(s) <= maxText {
		return s
	}
	n := 0
	for at := range s {
		if n++; n == maxText {
			return s[:at] + "…"
		}
	}
	return s
}
