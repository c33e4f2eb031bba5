package audit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/services/slamonitor/internal/sla"
)

// jsonLines reads one object a line.
func (t *text) jsonLines() error {
	var line []byte
	for {
		var err error
		line, err = t.line(line[:0])
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return nil
		}
		if err != nil {
			return errors.Join(errors.New("the file ends within a line"), err)
		}
		if !json.Valid(line) || line[0] != '{' {
			return wrongFile(sla.Unreadable, "row %d is no JSON object", t.rows+1)
		}
		if err := t.members(&object{rest: line[1:]}); err != nil {
			return err
		}
		if err := t.row(); err != nil {
			return err
		}
	}
}

// line appends the next line to what is given, without its end.
func (t *text) line(to []byte) ([]byte, error) {
	for {
		piece, err := t.in.ReadSlice('\n')
		to = append(to, piece...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return bytes.TrimSuffix(to, []byte("\n")), err
		}
	}
}

func (t *text) members(o *object) error {
	for i, field := range t.layout.Fields[:t.layout.Exported] {
		if string(o.next()) != `"`+field.Name+`"` {
			return wrongFile(sla.Mismatch, "row %d: column %s is missing or not in its place", t.rows+1, field.Name)
		}
		value := o.next()
		err := error(nil)
		switch {
		case string(value) != "null":
			err = t.member(i, value)
		case !document(field.Column.Type.Kind): // there it is JSON's own null, or ours
			err = t.null(i)
		}
		if err != nil {
			return err
		}
	}
	if len(o.next()) > 0 {
		return wrongFile(sla.Mismatch, "row %d has more than %d columns", t.rows+1, t.layout.Exported)
	}
	return nil
}

// member judges a value that is not null by its kind in JSON, then as in CSV.
func (t *text) member(i int, value []byte) error {
	field := t.layout.Fields[i]
	bare, quoted := bytes.CutPrefix(value, []byte(`"`))
	if quoted {
		bare = bare[:len(bare)-1]
	}
	switch kind := field.Column.Type; {
	case document(kind.Kind):
		return nil
	case quoted != inQuotes(kind, bare):
		return wrongFile(sla.Mismatch, "row %d: column %s is no %s in JSON", t.rows+1, field.Name, kind)
	default:
		return t.value(i, bare)
	}
}

// inQuotes reports whether a type is a string of JSON: what is no number there, and a fraction that is not safe as one.
func inQuotes(t dictionary.Type, value []byte) bool {
	const safe = 15
	switch t.Kind {
	case dictionary.KindBoolean:
		return false
	case dictionary.KindNumber:
		return t.Scale > 0 && t.Precision > safe
	case dictionary.KindFloat:
		return bytes.HasSuffix(value, []byte("N")) || bytes.HasSuffix(value, []byte("y"))
	default:
		return true
	}
}

func document(kind dictionary.Kind) bool {
	switch kind {
	case dictionary.KindVariant, dictionary.KindObject, dictionary.KindArray, dictionary.KindGeography, dictionary.KindVector:
		return true
	default:
		return false
	}
}

// object is what is left of an object that is known to be valid.
type object struct{ rest []byte }

// next cuts off the next key or value; nothing at the end.
func (o *object) next() []byte {
	o.rest = bytes.TrimLeft(o.rest, " \t\r,:}")
	depth, at := 0, 0
	for ; at < len(o.rest); at++ {
		switch b := o.rest[at]; b {
		case '"':
			at += quotedBytes(o.rest[at:]) - 1
		case '{', '[':
			depth++
			continue
		case '}', ']':
			depth--
		case ',', ':', ' ', '\t', '\r':
			if depth == 0 {
				return o.cut(at)
			}
			continue
		default:
			continue
		}
		if depth < 0 {
			return o.cut(at)
		}
		if depth == 0 {
			return o.cut(at + 1)
		}
	}
	return o.cut(at)
}

func (o *object) cut(at int) []byte {
	value := o.rest[:at]
	o.rest = o.rest[at:]
	return value
}

// quotedBytes is the length of the string that a text begins with.
func quotedBytes(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}
