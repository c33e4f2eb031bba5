package conf

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// fields returns the settings of a struct type by YAML name; inlined structs count as their own fields.
func fields(t reflect.Type) map[string]reflect.StructField {
	all := make(map[string]reflect.StructField)
	for _, f := range reflect.VisibleFields(t) {
		if len(f.Index) > 1 || !f.IsExported() && !f.Anonymous {
			continue
		}
		name, inline := tag(f)
		if inline {
			for inner, g := range fields(f.Type) {
				g.Index = append(slices.Clone(f.Index), g.Index...)
				all[inner] = g
			}
		} else if name != "-" {
			all[name] = f
		}
	}
	return all
}

func tag(f reflect.StructField) (name string, inline bool) {
	name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	if name == "" {
		name = strings.ToLower(f.Name) // what the YAML package does
	}
	return name, slices.Contains(strings.Split(options, ","), "inline")
}

// checkKeys refuses keys that no setting has. The YAML package can do so too, but does not say which keys there are.
func checkKeys(node *yaml.Node, t reflect.Type, path string) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if node.Kind == yaml.AliasNode {
		return checkKeys(node.Alias, t, path)
	}
	switch {
	case node.Kind == yaml.SequenceNode && t.Kind() == reflect.Slice:
		for _, item := range node.Content {
			if err := checkKeys(item, t.Elem(), path); err != nil {
				return err
			}
		}
	case node.Kind == yaml.MappingNode && t.Kind() == reflect.Struct:
		return checkMapping(node, t, path)
	}
	return nil
}

func checkMapping(node *yaml.Node, t reflect.Type, path string) error {
	known := fields(t)
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		f, ok := known[key.Value]
		if !ok {
			return fmt.Errorf("line %d: unknown key %q, known here: %s", key.Line, path+key.Value, names(known))
		}
		if err := checkKeys(value, f.Type, path+key.Value+"."); err != nil {
			return err
		}
	}
	return nil
}

func names(known map[string]reflect.StructField) string {
	list := make([]string, 0, len(known))
	for name := range known {
		list = append(list, name)
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}
