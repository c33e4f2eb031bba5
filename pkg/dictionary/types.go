package dictionary

import (
	"fmt"
	"regexp"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// Kind is the Snowflake name of a column type without its parameters.
type Kind string

// The kinds that a dictionary may use.
const (
	KindNumber       Kind = "NUMBER"
	KindFloat        Kind = "FLOAT"
	KindString       Kind = "STRING"
	KindBoolean      Kind = "BOOLEAN"
	KindDate         Kind = "DATE"
	KindTime         Kind = "TIME"
	KindTimestampNTZ Kind = "TIMESTAMP_NTZ"
	KindTimestampLTZ Kind = "TIMESTAMP_LTZ"
	KindTimestampTZ  Kind = "TIMESTAMP_TZ"
	KindVariant      Kind = "VARIANT"
	KindObject       Kind = "OBJECT"
	KindArray        Kind = "ARRAY"
	KindGeography    Kind = "GEOGRAPHY"
	KindVector       Kind = "VECTOR"
	KindBinary       Kind = "BINARY"
)

// Limits of the source: digits of a NUMBER, and fraction digits of a time.
const (
	maxPrecision = 38
	maxFraction  = 9
)

// Type is a column type. Precision and Scale describe NUMBER; Scale alone the fraction digits of
// TIME and the TIMESTAMP kinds (default 6); both are zero elsewhere. Whatever its scale, a time
// lands in microseconds, so a value finer than that is refused by the reader, never rounded. A VECTOR
// has no parameters: it lands as a JSON array, whatever its elements and its length.
type Type struct {
	Kind             Kind
	Precision, Scale int
}

var typeText = regexp.MustCompile(`^([A-Z_]+)(?:\((\d{1,2})(?:, ?(\d{1,2}))?\))?$`)

// ParseType reads the text form, such as "NUMBER(12,2)", "STRING" or "TIMESTAMP_NTZ(6)".
func ParseType(text string) (Type, error) {
	match := typeText.FindStringSubmatch(text)
	if match == nil {
		return Type{}, fmt.Errorf("type %q is not of the form KIND, KIND(n) or KIND(p,s)", text)
	}
	kind, first, second := Kind(match[1]), match[2], match[3]
	switch {
	case kind == KindNumber:
		return parseNumber(text, first, second)
	case kind.timed():
		return parseTimed(text, kind, first, second)
	case kind.plain():
		if first != "" {
			return Type{}, fmt.Errorf("type %q: %s takes no parameters", text, kind)
		}
		return Type{Kind: kind}, nil
	}
	return Type{}, fmt.Errorf("type %q: unknown kind %s", text, kind)
}

func parseNumber(text, precision, scale string) (Type, error) {
	if precision == "" || scale == "" {
		return Type{}, fmt.Errorf("type %q: NUMBER needs precision and scale, such as NUMBER(12,2)", text)
	}
	t := Type{Kind: KindNumber, Precision: number(precision), Scale: number(scale)}
	if t.Precision < 1 || t.Precision > maxPrecision || t.Scale > t.Precision {
		return Type{}, fmt.Errorf("type %q: precision must be 1 to %d and scale at most the precision", text, maxPrecision)
	}
	return t, nil
}

func parseTimed(text string, kind Kind, scale, extra string) (Type, error) {
	if extra != "" {
		return Type{}, fmt.Errorf("type %q: %s takes fraction digits only", text, kind)
	}
	t := Type{Kind: kind, Scale: 6}
	if scale != "" {
		t.Scale = number(scale)
	}
	if t.Scale > maxFraction {
		return Type{}, fmt.Errorf("type %q: at most %d fraction digits", text, maxFraction)
	}
	return t, nil
}

// number converts at most two digits that the pattern has already matched.
func number(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}

// String gives the text form back; ParseType(t.String()) is t.
func (t Type) String() string {
	switch {
	case t.Kind == KindNumber:
		return fmt.Sprintf("NUMBER(%d,%d)", t.Precision, t.Scale)
	case t.Kind.timed():
		return fmt.Sprintf("%s(%d)", t.Kind, t.Scale)
	}
	return string(t.Kind)
}

// Semistructured reports whether values are read from the source as JSON text, and land as it.
func (k Kind) Semistructured() bool {
	switch k {
	case KindVariant, KindObject, KindArray, KindGeography, KindVector:
		return true
	default:
		return false
	}
}

// Timestamp reports whether the kind is one of the three TIMESTAMP kinds.
func (k Kind) Timestamp() bool {
	return k == KindTimestampNTZ || k == KindTimestampLTZ || k == KindTimestampTZ
}

func (k Kind) timed() bool { return k == KindTime || k.Timestamp() }

func (k Kind) plain() bool {
	return k == KindFloat || k == KindString || k == KindBoolean || k == KindDate || k == KindBinary || k.Semistructured()
}

// UnmarshalYAML reads the text form.
func (t *Type) UnmarshalYAML(node *yaml.Node) error {
	parsed, err := ParseType(node.Value)
	if err != nil {
		return fmt.Errorf("line %d: %w", node.Line, err)
	}
	*t = parsed
	return nil
}
