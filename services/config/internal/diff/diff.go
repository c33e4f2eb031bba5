// Package diff owns how the difference between two states of an export or a customer is told to a person: as fields that
// changed, and as a unified diff of texts. It judges nothing: what a change means is internal/export's. It refuses maps,
// which the contract does not use there. Start with Of.
package diff

import (
	"cmp"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

// maxItems is how many items of a list a change shows.
const maxItems = 20

// Of returns what differs between two messages of one type, in the order of field numbers, with paths below prefix. A nil
// message holds nothing, so that with nil before everything came. The order of a list is no difference: scalars compare
// as a set that counts repeats, messages by their first string field, equal ones by their order. A listed message that
// came or went is an item of its list, and its own fields follow. Fields that this build does not know are not compared.
func Of(prefix string, before, after proto.Message) []*configv1.FieldChange {
	t := &teller{}
	t.messages(prefix, reflected(before), reflected(after))
	return t.changes
}

// reflected returns nil for a message that is not there.
func reflected(m proto.Message) protoreflect.Message {
	if m == nil || !m.ProtoReflect().IsValid() {
		return nil
	}
	return m.ProtoReflect()
}

// teller collects changes. In its methods a nil message is one that is not there.
type teller struct{ changes []*configv1.FieldChange }

func (t *teller) messages(path string, before, after protoreflect.Message) {
	switch {
	case after != nil:
		t.fields(path, fieldsOf(after.Descriptor()), before, after)
	case before != nil:
		t.fields(path, fieldsOf(before.Descriptor()), before, nil)
	}
}

func (t *teller) fields(path string, fields []protoreflect.FieldDescriptor, before, after protoreflect.Message) {
	for _, field := range fields {
		t.field(join(path, string(field.Name())), field, valueOf(before, field), valueOf(after, field))
	}
}

// field compares one field; an invalid value is one that is not set.
func (t *teller) field(path string, field protoreflect.FieldDescriptor, before, after protoreflect.Value) {
	switch {
	case !before.IsValid() && !after.IsValid():
	case field.IsMap():
		panic("diff: " + string(field.FullName()) + " is a map")
	case field.IsList() && field.Message() != nil:
		t.keyed(path, fieldsOf(field.Message()), listOf(before), listOf(after))
	case field.IsList():
		was, is := texts(field, listOf(before)), texts(field, listOf(after))
		t.list(path, minus(is, was), minus(was, is))
	case field.Message() != nil && !isValue(field.Message()):
		t.message(path, before, after)
	default:
		t.scalar(path, literal(field, before), literal(field, after))
	}
}

// message also tells of a message without fields that came or went, because unset and empty differ.
func (t *teller) message(path string, before, after protoreflect.Value) {
	told := len(t.changes)
	t.messages(path, messageOf(before), messageOf(after))
	if len(t.changes) > told || before.IsValid() == after.IsValid() {
		return
	}
	t.scalar(path, presence(before), presence(after))
}

func (t *teller) scalar(path, before, after string) {
	if before != after {
		t.changes = append(t.changes, &configv1.FieldChange{Path: path, Before: clip(before), After: clip(after)})
	}
}

func (t *teller) list(path string, added, removed []string) {
	if len(added)+len(removed) == 0 {
		return
	}
	t.changes = append(t.changes, &configv1.FieldChange{
		Path: path, Added: shown(added), Removed: shown(removed),
		AddedCount: int32(len(added)), RemovedCount: int32(len(removed)), //nolint:gosec // a message holds fewer items
	})
}

func shown(items []string) []string {
	var few []string
	for _, item := range items[:min(len(items), maxItems)] {
		few = append(few, clip(item))
	}
	return few
}

// minus returns the items of a that b has not, or has less often, in the order of a.
func minus[T comparable](a, b []T) []T {
	count := make(map[T]int, len(b))
	for _, item := range b {
		count[item]++
	}
	var rest []T
	for _, item := range a {
		if count[item]--; count[item] < 0 {
			rest = append(rest, item)
		}
	}
	return rest
}

// fieldsOf returns the fields by number; the descriptor has them as they are written.
func fieldsOf(m protoreflect.MessageDescriptor) []protoreflect.FieldDescriptor {
	fields := make([]protoreflect.FieldDescriptor, m.Fields().Len())
	for i := range fields {
		fields[i] = m.Fields().Get(i)
	}
	slices.SortFunc(fields, func(a, b protoreflect.FieldDescriptor) int { return cmp.Compare(a.Number(), b.Number()) })
	return fields
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
