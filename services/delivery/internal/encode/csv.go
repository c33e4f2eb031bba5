package encode

import (
	"io"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// lineEnd is RFC 4180's.
const lineEnd = "\r\n"

// CSV is the Encoder that writes RFC 4180 with a header. What is NULL is never in quotes and what looks the same always is,
// as is every empty text, so that a reader can tell them apart. The standard library's writer cannot quote what needs none.
type CSV struct {
	text
	delimiter byte
	null      string
	quoted    [256]bool // bytes that a field in no quotes cannot hold
	anywhere  bool      // the delimiter occurs in numbers and the like, too
}

// NewCSV makes the encoder of one file and spells its header.
func NewCSV(to io.Writer, file File) (*CSV, error) {
	if err := file.Format.Validate(); err != nil {
		return nil, err
	}
	t, err := newText(to, file)
	if err != nil {
		return nil, err
	}
	options := file.Format.CSV
	c := &CSV{text: *t, delimiter: options.Delimiter[0], null: options.NullString}
	for _, b := range []byte{c.delimiter, '"', '\r', '\n'} {
		c.quoted[b] = true
	}
	c.anywhere = strings.ContainsAny("+-./0123456789:=", options.Delimiter) || c.delimiter|0x20 >= 'a' && c.delimiter|0x20 <= 'z'
	c.column, c.end = c.columnOf, lineEnd
	c.header()
	return c, nil
}

func (c *CSV) header() {
	for i, field := range c.schema.Fields() {
		c.gathered = c.appendText(c.between(c.gathered, i), field.Name)
	}
	c.gathered = append(c.gathered, lineEnd...)
}

// between parts the fields of a row.
func (c *CSV) between(to []byte, i int) []byte {
	if i == 0 {
		return to
	}
	return append(to, c.delimiter)
}

func (c *CSV) columnOf(i int, values arrow.Array) cell {
	value, nulls := c.valueOf(values, c.file.Layout.Fields[i].Column.Type.Scale), values.NullN() > 0
	return func(to []byte, row int) []byte {
		to = c.between(to, i)
		if nulls && values.IsNull(row) {
			return append(to, c.null...)
		}
		return value(to, row)
	}
}

func (c *CSV) valueOf(values arrow.Array, scale int) cell {
	if texts, ok := values.(*array.String); ok {
		return func(to []byte, row int) []byte { return c.appendText(to, texts.Value(row)) }
	}
	spelled := spelling(values, scale)
	return func(to []byte, row int) []byte {
		from := len(to)
		to = spelled(to, row)
		if value := to[from:]; len(value) == 0 || string(value) == c.null || c.anywhere && c.special(string(value)) {
			return enclose(to, from)
		}
		return to
	}
}

// enclose puts quotes around what is at the end of to, from a place on, and holds none.
func enclose(to []byte, from int) []byte {
	to = append(to, `""`...)
	copy(to[from+1:], to[from:len(to)-2])
	to[from] = '"'
	return to
}

func (c *CSV) appendText(to []byte, text string) []byte {
	if text != "" && text != c.null && !c.special(text) {
		return append(to, text...)
	}
	to = append(to, '"')
	for {
		before, after, found := strings.Cut(text, `"`)
		to = append(to, before...)
		if !found {
			return append(to, '"')
		}
		to, text = append(to, `""`...), after
	}
}

func (c *CSV) special(text string) bool {
	for i := range len(text) {
		if c.quoted[text[i]] {
			return true
		}
	}
	return false
}
