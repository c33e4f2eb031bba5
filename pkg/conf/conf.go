// Package conf loads a service's settings: defaults, then one YAML file, then the environment. It refuses unknown keys,
// so that a misspelt setting never silently keeps its default, and it never holds a secret's value, only the path of its
// file. Start with Load.
package conf

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Load returns the settings of the file at path, or the defaults when path is empty, overridden by the environment:
// setting a.b is variable {envPrefix}_A_B. It returns a one-line error naming the file and the line, or, from Validate,
// every fault at once. Environment variables that belong to no setting are ignored, because cluster schedulers add some
// under a service's name.
func Load[T any, P interface {
	*T
	Defaults()
	Validate() error
}](path, envPrefix string,
) (T, error) {
	var cfg, none T
	P(&cfg).Defaults()
	if path != "" {
		if err := readFile(path, &cfg); err != nil {
			return none, fmt.Errorf("reading config file %s: %w", path, flat(err))
		}
	}
	if err := applyEnv(reflect.ValueOf(&cfg).Elem(), envPrefix); err != nil {
		return none, err
	}
	if err := P(&cfg).Validate(); err != nil {
		return none, fmt.Errorf("checking %s: %w", origin(path), flat(err))
	}
	return cfg, nil
}

func origin(path string) string {
	if path == "" {
		return "settings"
	}
	return "config file " + path
}

func readFile(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return errors.Unwrap(err) // the path is named by the caller
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var doc yaml.Node
	if err := decoder.Decode(&doc); errors.Is(err, io.EOF) {
		return nil // empty: the defaults
	} else if err != nil {
		return err
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return errors.New("the file holds more than one YAML document")
	}
	if err := checkKeys(doc.Content[0], reflect.TypeOf(into).Elem(), ""); err != nil {
		return err
	}
	return doc.Decode(into)
}

// flatError prints on one line, so that it survives log collectors whole.
type flatError struct{ err error }

func flat(err error) error { return flatError{err} }

func (e flatError) Unwrap() error { return e.err }

func (e flatError) Error() string {
	lines := strings.FieldsFunc(e.err.Error(), func(r rune) bool { return r == '\n' || r == '\r' })
	for i := range lines {
		lines[i] = strings.TrimPrefix(strings.TrimSpace(lines[i]), "yaml: ")
	}
	return strings.TrimPrefix(strings.Join(lines, "; "), "unmarshal errors:; ")
}
