package conf

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Duration is a time span written with its unit, such as 30s or 1h30m.
type Duration time.Duration

// D returns the span as the standard library's type.
func (d Duration) D() time.Duration { return time.Duration(d) }

// String returns the form that a config file takes.
func (d Duration) String() string { return time.Duration(d).String() }

// UnmarshalYAML reads a span; a bare number is refused, because it does not say its unit.
func (d *Duration) UnmarshalYAML(node *yaml.Node) error {
	span, err := time.ParseDuration(node.Value)
	if err != nil || node.Kind != yaml.ScalarNode {
		return fmt.Errorf("line %d: %q is not a duration such as 30s or 1h30m", node.Line, node.Value)
	}
	*d = Duration(span)
	return nil
}

// MarshalYAML writes the span with its unit.
func (d Duration) MarshalYAML() (any, error) { return d.String(), nil }

// Secret is the path of a file that holds a secret. The secret itself is never part of the settings, so that printing
// them is safe.
type Secret string

// Read returns the file's content without its final line break. It is read anew each time: secrets rotate. The error
// names the path only.
func (s Secret) Read() (string, error) {
	if s == "" {
		return "", errors.New("no secret file is set")
	}
	text, err := os.ReadFile(string(s))
	if err != nil {
		return "", fmt.Errorf("reading secret: %w", err)
	}
	secret := strings.TrimRight(string(text), "\r\n")
	if secret == "" {
		return "", fmt.Errorf("reading secret: %s is empty", string(s))
	}
	return secret, nil
}
