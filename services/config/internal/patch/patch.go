// Package patch lays the fields that an update mask names over a message. It refuses a path that the message does not
// have, or that leads into a list. It is pure. Start at Apply.
package patch

import (
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/customer-exports/exports/services/config/internal/rules"
)

// Apply returns a copy of base in which every field that the mask names is as in from: also unset, when it is unset there.
// base and from are of one type; a nil from has nothing set. Faults are of the field update_mask.
func Apply[M proto.Message](base, from M, mask *fieldmaskpb.FieldMask) (M, error) {
	result := proto.CloneOf(base)
	f := &rules.Faults{}
	if len(mask.GetPaths()) == 0 {
		f.Text("update_mask", "names no field: leave it out to replace everything")
	}
	for _, path := range mask.GetPaths() {
		if _, err := fieldmaskpb.New(base, path); err != nil {
			f.Text("update_mask", "holds "+quoted(path)+", which is not a field such as retention_days or scope.brands")
			continue
		}
		overwrite(result.ProtoReflect(), proto.CloneOf(from).ProtoReflect(), strings.Split(path, "."))
	}
	return result, f.Err("update_mask")
}

// overwrite needs a valid path, and may keep parts of from.
func overwrite(to, from protoreflect.Message, path []string) {
	field := to.Descriptor().Fields().ByName(protoreflect.Name(path[0]))
	switch {
	case len(path) > 1:
		overwrite(to.Mutable(field).Message(), from.Get(field).Message(), path[1:])
	case from.Has(field):
		to.Set(field, from.Get(field))
	default:
		to.Clear(field)
	}
}

// quoted keeps an answer short whatever was sent.
func quoted(path string) string {
	if len(path) > 100 {
		path = path[:100] + "..."
	}
	return "\"" + path + "\""
}
