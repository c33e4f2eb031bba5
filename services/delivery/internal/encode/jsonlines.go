package encode

import (
	"io"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/customer-exports/exports/pkg/dictionary"
)

// JSONLines is the Encoder that writes one JSON object a line, with every column in every one. It does not look whether
// semi-structured text is JSON: the extractor refused what is not, and the commit reads every line back.
type JSONLines struct {
	text
	names []string // what precedes the value of each column
}

// NewJSONLines makes the encoder of one file.
func NewJSONLines(to io.Writer, file File) (*JSONLines, error) {
	if err := file.Format.Validate(); err != nil {
		return nil, err
	}
	t, err := newText(to, file)
	if err != nil {
		return nil, err
	}
	j := &JSONLines{text: *t}
	for i, field := range j.schema.Fields() {
		before := ","
		if i == 0 {
			before = "{"
		}
		j.names = append(j.names, before+string(appendString(nil, field.Name))+":")
	}
	j.column, j.end = j.columnOf, "}\n"
	return j, nil
}

func (j *JSONLines) columnOf(i int, values arrow.Array) cell {
	name, value, nulls := j.names[i], valueOf(j.file.Layout.Fields[i].Column.Type, values), values.NullN() > 0
	return func(to []byte, row int) []byte {
		to = append(to, name...)
		if nulls && values.IsNull(row) {
			return append(to, "null"...)
		}
		return value(to, row)
	}
}

// doubleDigits is how many digits every double holds. A fraction that may have more is in quotes, because many readers take a
// number with a point for a double, whatever type they are told.
const doubleDigits = 15

func valueOf(t dictionary.Type, values arrow.Array) cell {
	texts, text := values.(*array.String)
	switch {
	case t.Kind == dictionary.KindString:
		return func(to []byte, row int) []byte { return appendString(to, texts.Value(row)) }
	case text:
		return func(to []byte, row int) []byte { return appendDocument(to, texts.Value(row)) }
	case t.Kind == dictionary.KindNumber && (t.Scale == 0 || t.Precision <= doubleDigits), t.Kind == dictionary.KindBoolean:
		return spelling(values, t.Scale)
	case t.Kind == dictionary.KindFloat:
		return doubles(spelling(values, t.Scale))
	default:
		spelled := spelling(values, t.Scale)
		return func(to []byte, row int) []byte { return append(spelled(append(to, '"'), row), '"') }
	}
}

// doubles encloses the three that are no numbers of JSON: they alone end in a letter.
func doubles(spelled cell) cell {
	return func(to []byte, row int) []byte {
		from := len(to)
		to = spelled(to, row)
		if to[len(to)-1] > '9' {
			return enclose(to, from)
		}
		return to
	}
}

// appendDocument takes JSON as it is, but for line ends: they can only be between its tokens, where they mean nothing.
func appendDocument(to []byte, document string) []byte {
	for {
		end := strings.IndexAny(document, "\r\n")
		if end < 0 {
			return append(to, document...)
		}
		to, document = append(to, document[:end]...), document[end+1:]
	}
}

// appendString escapes what must be escaped, and nothing else.
func appendString(to []byte, text string) []byte {
	to = append(to, '"')
	from := 0
	for i := range len(text) {
		if b := text[i]; b < ' ' || b == '"' || b == '\\' {
			to = appendEscape(append(to, text[from:i]...), b)
			from = i + 1
		}
	}
	return append(append(to, text[from:]...), '"')
}

func appendEscape(to []byte, b byte) []byte {
	const hex = "0123456789abcdef"
	switch b {
	case '"', '\\':
		return append(to, '\\', b)
	case '\n':
		return append(to, `\n`...)
	case '\r':
		return append(to, `\r`...)
	case '\t':
		return append(to, `\t`...)
	default:
		return append(to, '\\', 'u', '0', '0', hex[b>>4], hex[b&15])
	}
}
