package file

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"

	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

// Format writes an export as the file that Parse reads back to the same export: fields in the contract's order, one item
// a line, nothing that is not set. It returns an error for what a file cannot say: a field or value of a later contract,
// text that is not UTF-8.
func Format(export *configv1.ExportFile) (string, error) {
	w := &writer{}
	w.fields(export.ProtoReflect(), "", "")
	if w.text.Len() == 0 {
		w.text.WriteString("{}\n")
	}
	if w.err != nil {
		return "", fmt.Errorf("writing export %q as YAML: %w", export.GetExportId(), w.err)
	}
	return w.text.String(), nil
}

// writer keeps the first error; what it writes after one is of no use.
type writer struct {
	text strings.Builder
	err  error
}

func (w *writer) refuse(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf(format, args...)
	}
}

// fields writes the fields of a message; the first line is indented by first, which ends in a hyphen within a list.
func (w *writer) fields(m protoreflect.Message, first, indent string) {
	if len(m.GetUnknown()) > 0 {
		w.refuse("%s holds a field that this service does not know", m.Descriptor().Name())
	}
	lead := first
	for i := range m.Descriptor().Fields().Len() {
		if field := m.Descriptor().Fields().Get(i); m.Has(field) {
			w.text.WriteString(lead + string(field.Name()) + ":")
			w.field(field, m.Get(field), indent)
			lead = indent
		}
	}
}

func (w *writer) field(field protoreflect.FieldDescriptor, v protoreflect.Value, indent string) {
	switch {
	case field.IsList():
		w.text.WriteString("\n")
		for i := range v.List().Len() {
			w.item(field, v.List().Get(i), indent+"  ")
		}
	case field.Message() != nil && !isDuration(field):
		open := "\n"
		if isEmpty(v.Message()) {
			open = " {}\n" // unset and empty differ
		}
		w.text.WriteString(open)
		w.fields(v.Message(), indent+"  ", indent+"  ")
	default:
		w.text.WriteString(" " + w.scalar(field, v) + "\n")
	}
}

func (w *writer) item(field protoreflect.FieldDescriptor, v protoreflect.Value, indent string) {
	switch {
	case field.Message() == nil:
		w.text.WriteString(indent + "- " + w.scalar(field, v) + "\n")
		return
	case isEmpty(v.Message()):
		w.text.WriteString(indent + "- {}\n")
	}
	w.fields(v.Message(), indent+"- ", indent+"  ")
}

func isEmpty(m protoreflect.Message) bool {
	empty := true
	m.Range(func(protoreflect.FieldDescriptor, protoreflect.Value) bool {
		empty = false
		return false
	})
	return empty
}

func (w *writer) scalar(field protoreflect.FieldDescriptor, v protoreflect.Value) string {
	switch {
	case isDuration(field):
		return w.duration(v.Message().Interface().(*durationpb.Duration))
	case field.Enum() != nil:
		value := field.Enum().Values().ByNumber(v.Enum())
		if value == nil || v.Enum() == 0 { // in a list, where leaving it out would say something else
			w.refuse("%s has no value %d", field.Enum().Name(), v.Enum())
			return ""
		}
		return text(word(value))
	case field.Kind() == protoreflect.StringKind:
		if !utf8.ValidString(v.String()) {
			w.refuse("%s is not valid UTF-8", field.Name())
		}
		return text(v.String())
	default:
		return v.String()
	}
}

// duration writes 24h rather than 24h0m0s, and in the contract's form what Go cannot hold.
func (w *writer) duration(d *durationpb.Duration) string {
	short := d.AsDuration()
	if !proto.Equal(durationpb.New(short), d) {
		long, err := protojson.Marshal(d)
		if err != nil {
			w.refuse("a duration is out of range")
		}
		return strings.Trim(string(long), `"`)
	}
	text := short.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// What every version of YAML reads as text without quotes: words, and codes that begin with a digit but are no number,
// date or word of logic.
var (
	words    = regexp.MustCompile(`^\pL(?: ?:*[\pL\pN_./@+&'=-])*$`)
	codes    = regexp.MustCompile(`^[0-9][0-9A-Za-z_.-]*$`)
	numbers  = regexp.MustCompile(`^[0-9][0-9_.]*(?:[eE][-+]?[0-9_.]*)?$|^0[xXoObB]|^[0-9]+-[0-9]+-[0-9]+`)
	reserved = regexp.MustCompile(`^(?i:y|n|yes|no|on|off|true|false|null)$`)
)

// text writes a string plainly where that cannot be misread, and in double quotes otherwise: Go's escapes of valid UTF-8
// are YAML's too.
func text(s string) string {
	if words.MatchString(s) && !reserved.MatchString(s) || codes.MatchString(s) && !numbers.MatchString(s) {
		return s
	}
	return strconv.Quote(s)
}
