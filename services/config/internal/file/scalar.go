package file

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
)

var (
	wholeNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)
	wordStart   = regexp.MustCompile(`([a-z0-9])([A-Z])`)
)

func isDuration(field protoreflect.FieldDescriptor) bool {
	return field.Message() != nil && field.Message().FullName() == (&durationpb.Duration{}).ProtoReflect().Descriptor().FullName()
}

// parse reads one value, or says what is wrong with it. Text is taken as it is written, so that 02:00 and 2026-11-01
// need no quotes.
func parse(field protoreflect.FieldDescriptor, node *yaml.Node) (v protoreflect.Value, problem string) {
	switch {
	case isDuration(field):
		return parseDuration(node.Value)
	case field.Enum() != nil:
		return parseEnum(field.Enum(), node.Value)
	case field.Kind() == protoreflect.StringKind:
		return protoreflect.ValueOfString(node.Value), ""
	case node.Style != 0:
		return v, "takes no text: write it without quotes"
	case field.Kind() == protoreflect.BoolKind:
		return parseBool(node.Value)
	case field.Kind() == protoreflect.Int32Kind:
		return parseInt(node.Value)
	default:
		return v, "cannot be set in a file" // a test holds this against the contract
	}
}

func parseBool(text string) (v protoreflect.Value, problem string) {
	if text != "true" && text != "false" {
		return v, quoted(text) + " is neither true nor false"
	}
	return protoreflect.ValueOfBool(text == "true"), ""
}

// parseInt refuses other spellings of a number, which YAML's versions read differently.
func parseInt(text string) (v protoreflect.Value, problem string) {
	if !wholeNumber.MatchString(text) {
		return v, quoted(text) + " is not a whole number"
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return v, quoted(text) + " is too large"
	}
	return protoreflect.ValueOfInt32(int32(n)), ""
}

// parseDuration takes hours, minutes and seconds, and the contract's own form, which reaches further.
func parseDuration(text string) (v protoreflect.Value, problem string) {
	if d, err := time.ParseDuration(text); err == nil {
		return protoreflect.ValueOfMessage(durationpb.New(d).ProtoReflect()), ""
	}
	d := &durationpb.Duration{}
	if err := protojson.Unmarshal([]byte(strconv.Quote(text)), d); err != nil {
		return v, quoted(text) + " is not a duration such as 24h, 1h30m or 86400s"
	}
	return protoreflect.ValueOfMessage(d.ProtoReflect()), ""
}

// parseEnum takes the contract's name or its last words, in any case, with hyphens or underscores.
func parseEnum(enum protoreflect.EnumDescriptor, text string) (v protoreflect.Value, problem string) {
	meant := strings.TrimPrefix(strings.ToUpper(strings.ReplaceAll(text, "-", "_")), prefix(enum))
	var known []string
	for i := range enum.Values().Len() {
		value := enum.Values().Get(i)
		switch w := word(value); {
		case value.Number() == 0: // unset is said by leaving the key out
		case w == meant:
			return protoreflect.ValueOfEnum(value.Number()), ""
		default:
			known = append(known, w)
		}
	}
	hint := suggest(meant, known)
	if len(known) <= 7 {
		hint = ": write " + strings.Join(known, " or ")
	}
	return v, fmt.Sprintf("unknown value %s%s", quoted(text), hint)
}

// word is the part of a value's name that the field does not say already: ZSTD of COMPRESSION_ZSTD.
func word(value protoreflect.EnumValueDescriptor) string {
	return strings.TrimPrefix(string(value.Name()), prefix(value.Parent().(protoreflect.EnumDescriptor)))
}

// prefix is what buf lint holds every value's name to: COMPRESSION_ for Compression.
func prefix(enum protoreflect.EnumDescriptor) string {
	return strings.ToUpper(wordStart.ReplaceAllString(string(enum.Name()), "${1}_${2}")) + "_"
}
