package audit

import (
	"errors"
	"io"

	"github.com/customer-exports/exports/services/slamonitor/internal/sla"
)

// end is what follows a field.
type end int

const (
	endOfField end = iota
	endOfLine
	endOfFile
)

// csv reads RFC 4180 to the letter. The standard library's reader neither tells what is in quotes, and so what is NULL, nor
// minds empty lines.
func (t *text) csv() error {
	s := &scanner{in: t.in, delimiter: t.format.CSV.Delimiter[0]}
	if err := t.header(s); err != nil {
		return err
	}
	for {
		ended, err := t.fields(s)
		if ended || err != nil {
			return err
		}
		if err := t.row(); err != nil {
			return err
		}
	}
}

func (t *text) header(s *scanner) error {
	last := t.layout.Exported - 1
	for i, field := range t.layout.Fields[:t.layout.Exported] {
		behind, err := s.next()
		if err != nil {
			return err
		}
		if string(s.field) != field.Name || (behind == endOfLine) != (i == last) || behind == endOfFile {
			return wrongFile(sla.Mismatch, "the header differs from the Data Dictionary at column %d, %s", i, field.Name)
		}
	}
	return nil
}

// fields reads one row, or finds that there is none any more.
func (t *text) fields(s *scanner) (ended bool, err error) {
	last := t.layout.Exported - 1
	for i := range t.layout.Exported {
		behind, err := s.next()
		if err != nil {
			return false, err
		}
		switch {
		case behind == endOfFile && i == 0 && len(s.field) == 0 && !s.quoted:
			return true, nil
		case behind == endOfFile:
			return false, errors.New("the file ends within a row")
		case (behind == endOfLine) != (i == last):
			return false, wrongFile(sla.Unreadable, "row %d has not %d fields", t.rows+1, last+1)
		}
		if !s.quoted && string(s.field) == t.format.CSV.NullString {
			err = t.null(i)
		} else {
			err = t.value(i, s.field)
		}
		if err != nil {
			return false, err
		}
	}
	return false, nil
}

// scanner cuts a text into fields.
type scanner struct {
	in        io.ByteScanner
	delimiter byte
	field     []byte // without quotes; valid until next
	quoted    bool
}

// next reads a field and what follows it.
func (s *scanner) next() (end, error) {
	s.field, s.quoted = s.field[:0], false
	for {
		b, err := s.in.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return endOfFile, nil
		case err != nil:
			return 0, err
		case b == s.delimiter:
			return endOfField, nil
		case b == '\r':
			return endOfLine, s.lineFeed()
		case b == '"' && len(s.field) == 0 && !s.quoted:
			err = s.inQuotes()
		case b == '"' || b == '\n' || s.quoted:
			err = errors.New("a quote or a line end is where none may be")
		default:
			s.field = append(s.field, b)
		}
		if err != nil {
			return 0, err
		}
	}
}

func (s *scanner) lineFeed() error {
	b, err := s.in.ReadByte()
	if err != nil || b != '\n' {
		return errors.Join(errors.New("a carriage return is not followed by a line feed"), err)
	}
	return nil
}

// inQuotes reads up to the closing quote.
func (s *scanner) inQuotes() error {
	s.quoted = true
	for {
		b, err := s.in.ReadByte()
		if err != nil {
			return errors.Join(errors.New("a quote is not closed"), err)
		}
		if b != '"' {
			s.field = append(s.field, b)
			continue
		}
		switch b, err := s.in.ReadByte(); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case b != '"':
			return s.in.UnreadByte()
		}
		s.field = append(s.field, '"')
	}
}
