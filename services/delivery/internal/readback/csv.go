package readback

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/drop"
)

func (r *rowReader) csv(options drop.CSVOptions, names []string) error {
	raw := &recording{from: r}
	decoder := csv.NewReader(raw)
	decoder.Comma, decoder.FieldsPerRecord, decoder.ReuseRecord = rune(options.Delimiter[0]), len(names), true
	header, err := decoder.Read()
	if err != nil || !slices.Equal(header, names) {
		return errors.Join(errors.New("the header is not the columns"), err)
	}
	for {
		raw.forget(decoder.InputOffset())
		record, err := decoder.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := r.fields(options.NullString, record, decoder, raw.held); err != nil {
			return err
		}
		if err := r.row(); err != nil {
			return err
		}
	}
}

// fields counts the fields of a record. What stands for a null is one only without quotes, which the decoder takes away: they
// are looked for where the field begins in what it read.
func (r *rowReader) fields(null string, record []string, decoder *csv.Reader, raw []byte) error {
	first, _ := decoder.FieldPos(0)
	at := first
	for i, field := range record {
		line, column := decoder.FieldPos(i)
		for ; at < line; at++ {
			end := bytes.IndexByte(raw, '\n')
			if end < 0 {
				return fmt.Errorf("column %s is not where it was found", r.cells[i].Name)
			}
			raw = raw[end+1:]
		}
		quoted := column <= len(raw) && raw[column-1] == '"'
		if field == null && !quoted {
			r.cells[i].nulls++
			continue
		}
		if r.cells[i].Type.Kind != dictionary.KindNumber {
			continue
		}
		if err := r.cells[i].value([]byte(field)); err != nil {
			return err
		}
	}
	return nil
}

// recording holds what was read and not forgotten.
type recording struct {
	from io.Reader
	held []byte
	at   int64 // where held begins
}

// Read implements io.Reader.
func (r *recording) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	r.held = append(r.held, p[:n]...)
	return n, err
}

// forget drops what lies before an offset.
func (r *recording) forget(offset int64) {
	r.held = r.held[:copy(r.held, r.held[offset-r.at:])]
	r.at = offset
}
