package rpc

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/customer-exports/exports/pkg/fault"
)

const (
	// whole is the field of a violation of the request as such.
	whole = "request"
	// maxNumbers is how many unknown fields a violation names.
	maxNumbers = 5
)

// unknown finds the messages within m that hold unknown fields, in the order of the contract.
func unknown(path string, m protoreflect.Message) (found []fault.Violation) {
	if numbers := numbersOf(m.GetUnknown()); numbers != "" {
		found = append(found, fault.Violation{Field: orWhole(path), Description: "holds what this service does not know: " + numbers})
	}
	for i := range m.Descriptor().Fields().Len() {
		field := m.Descriptor().Fields().Get(i)
		switch {
		case field.Message() == nil || !m.Has(field):
		case field.IsMap():
			found = append(found, unknownInMap(place(path, field, 0), field, m.Get(field).Map())...)
		case field.IsList():
			for i := range m.Get(field).List().Len() {
				found = append(found, unknown(place(path, field, i), m.Get(field).List().Get(i).Message())...)
			}
		default:
			found = append(found, unknown(place(path, field, 0), m.Get(field).Message())...)
		}
	}
	return found
}

func unknownInMap(path string, field protoreflect.FieldDescriptor, values protoreflect.Map) (found []fault.Violation) {
	if field.MapValue().Message() == nil {
		return nil
	}
	values.Range(func(key protoreflect.MapKey, value protoreflect.Value) bool {
		at := fmt.Sprintf("%s[%q]", strings.TrimSuffix(path, "[0]"), key.String())
		found = append(found, unknown(at, value.Message())...)
		return true
	})
	slices.SortFunc(found, func(a, b fault.Violation) int { return strings.Compare(a.Field, b.Field) })
	return found
}

func orWhole(path string) string {
	if path == "" {
		return whole
	}
	return path
}

// numbersOf names the fields of unknown bytes, such as "field 99, field 100"; it is empty when there are none.
func numbersOf(data []byte) string {
	var numbers []string
	for len(data) > 0 {
		number, _, size := protowire.ConsumeField(data)
		if size < 0 {
			break // never: decoding has read them
		}
		data = data[size:]
		name := fmt.Sprintf("field %d", number)
		if slices.Contains(numbers, name) {
			continue
		}
		if len(numbers) == maxNumbers {
			return strings.Join(numbers, ", ") + " and more"
		}
		numbers = append(numbers, name)
	}
	return strings.Join(numbers, ", ")
}
