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

// Take is given a page of a column. The pages of a column come in row order.
type Take func(column int, page *Page) error

// Decode reads every page of every column, in the order in which they lie in the file.
func (f *File) Decode(from Source, take Take) (err error) {
	defer caught("decoding", &err)
	d := &decoder{file: f, pages: packed{file: f, from: from, at: int64(len(magic))}, take: take}
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
	file  *File
	pages packed
	take  Take
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

// drain hands a page over and lets go of it.
func (d *decoder) drain(column int, decoded parquet.Page, have *counted) error {
	defer parquet.Release(decoded)
	page, err := newPage(decoded)
	if err != nil {
		return err
	}
	have.rows += int64(page.Rows)
	have.nulls += int64(page.Nulls)
	return d.take(column, page)
}
