package file

import (
	"fmt"
	"regexp"
	"strconv"

	"go.yaml.in/yaml/v4"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// keys are those that can stand in a path.
var keys = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)

// message reads the fields of a mapping into m.
func (r *reader) message(path string, node *yaml.Node, m protoreflect.Message) {
	if !r.is(path, node, yaml.MappingNode) {
		return
	}
	seen := map[protoreflect.Name]place{}
	for i := 0; i+1 < len(node.Content) && !r.full(); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		field := r.key(path, key, m.Descriptor())
		if field == nil {
			continue
		}
		below := join(path, string(field.Name()))
		if first, again := seen[field.Name()]; again {
			r.add(placeOf(key), below, "is set already at "+first.String())
			continue
		}
		seen[field.Name()] = placeOf(key)
		r.field(below, value, m, field)
	}
}

// key returns the field that a key names, or nil when it names none.
func (r *reader) key(path string, key *yaml.Node, m protoreflect.MessageDescriptor) protoreflect.FieldDescriptor {
	if problem := dressing(key); problem != "" || key.Kind != yaml.ScalarNode {
		r.add(placeOf(key), path, "a key is the plain name of a field")
		return nil
	}
	field := m.Fields().ByName(protoreflect.Name(key.Value))
	if field == nil {
		below := path
		if keys.MatchString(key.Value) {
			below = join(path, key.Value)
		}
		r.add(placeOf(key), below, fmt.Sprintf("unknown key %s%s", quoted(key.Value), suggest(key.Value, fieldNames(m))))
	}
	return field
}

func (r *reader) field(path string, node *yaml.Node, m protoreflect.Message, field protoreflect.FieldDescriptor) {
	switch {
	case field.IsList():
		r.list(path, node, m, field)
	case field.Message() != nil && !isDuration(field):
		r.message(path, node, m.Mutable(field).Message())
	default:
		if value, ok := r.scalar(path, node, field); ok {
			m.Set(field, value)
		}
	}
}

func (r *reader) list(path string, node *yaml.Node, m protoreflect.Message, field protoreflect.FieldDescriptor) {
	if !r.is(path, node, yaml.SequenceNode) {
		return
	}
	list := m.Mutable(field).List()
	for i, item := range node.Content {
		if r.full() {
			return
		}
		at := fmt.Sprintf("%s[%d]", path, i)
		if field.Message() != nil {
			r.message(at, item, list.AppendMutable().Message())
		} else if value, ok := r.scalar(at, item, field); ok {
			list.Append(value)
		}
	}
}

func (r *reader) scalar(path string, node *yaml.Node, field protoreflect.FieldDescriptor) (protoreflect.Value, bool) {
	if !r.is(path, node, yaml.ScalarNode) {
		return protoreflect.Value{}, false
	}
	value, problem := parse(field, node)
	if problem != "" {
		r.add(placeOf(node), path, problem)
	}
	return value, problem == ""
}

// is reports whether the node is of the kind that the field takes.
func (r *reader) is(path string, node *yaml.Node, kind yaml.Kind) bool {
	problem := dressing(node)
	switch {
	case problem != "":
	case node.Kind == yaml.ScalarNode && node.Tag == "!!null":
		problem = "has no value: write one, in quotes if it is meant as text, or leave the key out"
	case node.Kind == kind:
		return true
	case kind == yaml.MappingNode:
		problem = "takes fields, each on a line of its own below"
	case kind == yaml.SequenceNode:
		problem = "takes a list: write each item on a line of its own below, behind a hyphen"
	default:
		problem = "takes one value, not a list or fields"
	}
	r.add(placeOf(node), path, problem)
	return false
}

// dressing refuses what makes a file say more than can be read at the place.
func dressing(node *yaml.Node) string {
	switch {
	case node.Kind == yaml.AliasNode:
		return "is an alias: write the value itself"
	case node.Anchor != "":
		return "has an anchor: write the value wherever it is meant"
	case node.Style&yaml.TaggedStyle != 0 || node.Tag == "!":
		return "has a tag: write the value alone, text in quotes"
	default:
		return ""
	}
}

func fieldNames(m protoreflect.MessageDescriptor) []string {
	names := make([]string, m.Fields().Len())
	for i := range names {
		names[i] = string(m.Fields().Get(i).Name())
	}
	return names
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// quoted shows a piece of the file in one short line.
func quoted(text string) string {
	if short := []rune(text); len(short) > maxQuoted {
		text = string(short[:maxQuoted]) + "…"
	}
	return strconv.Quote(text)
}
