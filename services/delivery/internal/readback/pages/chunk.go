package pages

import (
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
)

// Source gives a file's bytes, from its beginning to its end.
type Source interface {
	// Bytes returns length bytes from offset, valid until the next call. The offset is never below that of the call before.
	Bytes(offset, length int64) ([]byte, error)
}

// Take is given the values of a page's rows, nulls among them, in order and a few at a time. It must not keep them.
type Take func(column int, values []parquet.Value) error

// batch is how many values are handed over at once.
const batch = 1024

// Decode reads every page of every column, in the order in which they lie in the file.
func (f *File) Decode(from Source, take Take) (err error) {
	defer caught("decoding", &err)
	d := &decoder{file: f, pages: packed{file: f, from: from, at: int64(len(magic))}, take: take, values: make([]parquet.Value, batch)}
	for i, group := range f.parsed.RowGroups() {
		for j, chunk := range group.ColumnChunks() {
			if err := d.chunk(i, j, chunk); err != nil {
				return fmt.Errorf("row group %d, column %q: %w", i, f.Columns()[j].Name(), err)
			}
		}
	}
	return nil
}

type decoder struct {
	file   *File
	pages  packed
	take   Take
	values []parquet.Value
}

// counted is how many rows were seen, and how many without a value.
type counted struct{ rows, nulls int64 }

// chunk has parquet-go read the chunk as if it had never been packed.
func (d *decoder) chunk(group, column int, chunk parquet.ColumnChunk) (err error) {
	if err := d.pages.begin(group, column); err != nil {
		return err
	}
	whole, ok := chunk.(*parquet.FileColumnChunk)
	if !ok {
		return fmt.Errorf("it is a %T", chunk)
	}
	pages := whole.PagesFrom(&d.pages)
	defer func() { err = errors.Join(err, pages.Close()) }()
	var have counted
	for {
		page, err := pages.ReadPage()
		if d.pages.err != nil {
			return d.pages.err
		}
		if errors.Is(err, io.EOF) {
			return d.pages.ended(have)
		}
		if err != nil {
			return err
		}
		if err := d.drain(column, page, &have); err != nil {
			return err
		}
	}
}

// drain hands every value of a page over.
func (d *decoder) drain(column int, page parquet.Page, have *counted) error {
	defer parquet.Release(page)
	for from := page.Values(); ; {
		n, err := from.ReadValues(d.values)
		have.add(d.values[:n])
		if n > 0 {
			if err := d.take(column, d.values[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (c *counted) add(values []parquet.Value) {
	c.rows += int64(len(values))
	for i := range values {
		if values[i].IsNull() {
			c.nulls++
		}
	}
}
