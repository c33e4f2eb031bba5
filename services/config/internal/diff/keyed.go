package diff

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// key names a message of a list by its first string field, and tells equal names apart by their order.
type key struct {
	name string
	nth  int // 1 for the first
}

func (k key) String() string {
	if k.nth == 1 && k.name != "" {
		return k.name
	}
	return fmt.Sprintf("%s#%d", k.name, k.nth)
}

// keyed tells which messages of a list came and went, and what differs inside each, in the order of after.
func (t *teller) keyed(path string, fields []protoreflect.FieldDescriptor, before, after []protoreflect.Value) {
	naming := slices.IndexFunc(fields, func(f protoreflect.FieldDescriptor) bool {
		return f.Kind() == protoreflect.StringKind && !f.IsList()
	})
	nameOf := func(protoreflect.Message) string { return "" }
	if naming >= 0 {
		field := fields[naming]
		nameOf = func(m protoreflect.Message) string { return m.Get(field).String() }
		fields = slices.Delete(fields, naming, naming+1) // the path and the list's items say it
	}
	wasKeys, was := index(before, nameOf)
	isKeys, is := index(after, nameOf)
	gone := minus(wasKeys, isKeys)
	t.list(path, names(minus(isKeys, wasKeys)), names(gone))
	for _, k := range slices.Concat(isKeys, gone) {
		t.fields(fmt.Sprintf("%s[%s]", path, clip(k.String())), fields, was[k], is[k])
	}
}

func index(list []protoreflect.Value, nameOf func(protoreflect.Message) string) ([]key, map[key]protoreflect.Message) {
	keys, byKey, seen := make([]key, len(list)), make(map[key]protoreflect.Message, len(list)), map[string]int{}
	for i, value := range list {
		name := nameOf(value.Message())
		seen[name]++
		keys[i] = key{name, seen[name]}
		byKey[keys[i]] = value.Message()
	}
	return keys, byKey
}

func names(keys []key) []string {
	all := make([]string, len(keys))
	for i, k := range keys {
		all[i] = k.String()
	}
	return all
}
