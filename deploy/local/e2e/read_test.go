package e2e

import (
	"errors"
	"io"
	"os"

	"github.com/parquet-go/parquet-go"
)

// readFile adds every value of a file to its columns.
func readFile(path string, columns []*column) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	file, err := parquet.OpenFile(f, info.Size())
	if err != nil {
		return err
	}
	for _, group := range file.RowGroups() {
		for i, chunk := range group.ColumnChunks() {
			if err := readColumn(chunk, columns[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

func readColumn(chunk parquet.ColumnChunk, c *column) (err error) {
	pages := chunk.Pages()
	defer func() { err = errors.Join(err, pages.Close()) }()
	for {
		page, err := pages.ReadPage()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := readPage(page, c); err != nil {
			return err
		}
		parquet.Release(page)
	}
}

func readPage(page parquet.Page, c *column) error {
	values, buffer := page.Values(), make([]parquet.Value, 512)
	for {
		n, err := values.ReadValues(buffer)
		for _, v := range buffer[:n] {
			text := ""
			if !v.IsNull() {
				text = ofParquet(c.of, v)
			}
			if err := c.add(text, v.IsNull()); err != nil {
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
