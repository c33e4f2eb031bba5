package readback

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/parquet-go/parquet-go"

	"github.com/customer-exports/exports/services/delivery/internal/encode"
)

// pages decodes the footer and every page. The library panics on some damaged files.
func (f File) pages(file *os.File) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = f.differs("cannot be read: decoding it panics")
		}
	}()
	if err := bounded(file, f.Object.Bytes); err != nil {
		return f.differs("cannot be read: %v", err)
	}
	opened, err := parquet.OpenFile(file, f.Object.Bytes, parquet.SkipBloomFilters(true))
	if err != nil {
		return f.differs("cannot be read: %v", err)
	}
	if err := f.footer(opened); err != nil {
		return err
	}
	for i, group := range opened.RowGroups() {
		for j, chunk := range group.ColumnChunks() {
			if err := decode(chunk, group.NumRows()); err != nil {
				return f.differs("cannot be read: row group %d, column %s: %v", i, f.Columns[j], err)
			}
		}
	}
	return nil
}

func (f File) footer(file *parquet.File) error {
	if file.NumRows() != f.Rows {
		return f.differs("has %d rows in its footer, %d were written", file.NumRows(), f.Rows)
	}
	columns := file.Root().Columns()
	if len(columns) != len(f.Columns) {
		return f.differs("has %d columns, not %d", len(columns), len(f.Columns))
	}
	rows := int64(0)
	for _, group := range file.RowGroups() {
		rows += group.NumRows()
		if len(group.ColumnChunks()) != len(columns) {
			return f.differs("has a row group of %d columns, not %d", len(group.ColumnChunks()), len(columns))
		}
	}
	if rows != f.Rows {
		return f.differs("has %d rows in its row groups, %d were written", rows, f.Rows)
	}
	for i, name := range f.Columns {
		if columns[i].Name() != name {
			return f.differs("has column %q where %q belongs", columns[i].Name(), name)
		}
	}
	// A file that is sent once more is the same bytes, and says so.
	if run, _ := file.Lookup(encode.MetaRunID); run != f.RunID {
		return f.differs("is of another run")
	}
	return nil
}

// decode unpacks and decodes every page of a column chunk, and counts its rows.
func decode(chunk parquet.ColumnChunk, rows int64) (err error) {
	pages := chunk.Pages()
	defer func() { err = errors.Join(err, pages.Close()) }()
	have := int64(0)
	for {
		page, err := pages.ReadPage()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		have += page.NumRows()
		err = indexed(page)
		parquet.Release(page)
		if err != nil {
			return err
		}
	}
	if have != rows {
		return fmt.Errorf("its pages hold %d rows, the row group %d", have, rows)
	}
	return nil
}

// indexed looks whether every index of a page leads into its dictionary: the library looks when a value is asked for.
func indexed(page parquet.Page) error {
	dictionary := page.Dictionary()
	if dictionary == nil {
		return nil
	}
	data := page.Data()
	for _, index := range data.Int32() {
		if index < 0 || int(index) >= dictionary.Len() {
			return fmt.Errorf("index %d leads behind a dictionary of %d values", index, dictionary.Len())
		}
	}
	return nil
}
