package conf

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// applyEnv overrides the settings of a struct by the variables {prefix}_{NAME}, in the order of their names. A variable
// set to "" counts: it empties the setting.
func applyEnv(v reflect.Value, prefix string) error {
	known := fields(v.Type())
	order := make([]string, 0, len(known))
	for name := range known {
		order = append(order, name)
	}
	slices.Sort(order)
	for _, name := range order {
		variable := prefix + "_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		if err := applyVariable(v.FieldByIndex(known[name].Index), variable); err != nil {
			return err
		}
	}
	return nil
}

func applyVariable(field reflect.Value, variable string) error {
	if field.Kind() == reflect.Struct && !reads(field) {
		return applyEnv(field, variable)
	}
	text, set := os.LookupEnv(variable)
	if !set {
		return nil
	}
	if field.Kind() == reflect.String {
		field.SetString(text)
		return nil
	}
	if err := yaml.Unmarshal([]byte(text), field.Addr().Interface()); err != nil {
		return fmt.Errorf("reading environment variable %s: %w", variable, flat(err))
	}
	return nil
}

// reads reports whether the field has its own text form, so that it is one setting although it is a struct.
func reads(field reflect.Value) bool {
	_, ok := field.Addr().Interface().(yaml.Unmarshaler)
	return ok
}
