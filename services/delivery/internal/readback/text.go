package commit

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/klauspost/compress/zstd"

	"github.com/customer-exports/exports/pkg/drop"
)

const (
	// chunkBytes is what one request fetches of a text file.
	chunkBytes = 4 << 20
	// maxRowBytes bounds one row, so that a quote that is never closed does not fill the memory.
	maxRowBytes = 256 << 20
)

// readText decodes a whole text file, because it has no footer that says how many rows it has.
func readText(d *pending, f file, source *ranges, progress func()) error {
	format := d.revision.Format
	text, err := unpack(&chunks{source: source, progress: progress}, format.Compression)
	if err != nil {
		return differs(f, "cannot be unpacked: %v", err)
	}
	defer func() { _ = text.Close() }()
	var names []string
	for _, field := range f.layout.Fields[:f.layout.Exported] {
		names = append(names, field.Name)
	}
	rows := &rowReader{text: text}
	if format.FileFormat == drop.CSV {
		err = rows.csv(format.CSV.Delimiter, names)
	} else {
		err = rows.json(names)
	}
	if err != nil {
		return differs(f, "cannot be read after %d rows: %v", rows.count, err)
	}
	if rows.count != f.receipt.GetRowCount() {
		return differs(f, "holds %d rows, %d were written", rows.count, f.receipt.GetRowCount())
	}
	return nil
}

// unpack undoes the compression. Zstandard alone is undone by the library that did it, in a part of its own: there is no
// other in Go, and each frame carries the checksum of what went in.
func unpack(packed io.Reader, c drop.Compression) (io.ReadCloser, error) {
	packed = bufio.NewReaderSize(packed, chunkBytes)
	switch c {
	case drop.Gzip:
		return gzip.NewReader(packed)
	case drop.Zstd:
		decoder, err := zstd.NewReader(packed, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, err
		}
		return decoder.IOReadCloser(), nil
	}
	return io.NopCloser(packed), nil
}

// chunks reads an object from its beginning to its end.
type chunks struct {
	source   *ranges
	offset   int64
	progress func()
}

func (c *chunks) Read(p []byte) (int, error) {
	if c.offset >= c.source.size {
		return 0, io.EOF
	}
	data := c.source.fetch(c.offset, min(int64(len(p)), c.source.size-c.offset))
	if c.source.err != nil {
		return 0, c.source.err
	}
	c.offset += int64(len(data))
	c.progress()
	return copy(p, data), nil
}

// rowReader counts the rows of a text.
type rowReader struct {
	text  io.Reader
	count int64
	ofRow int
}

// Read implements io.Reader.
func (r *rowReader) Read(p []byte) (int, error) {
	n, err := r.text.Read(p)
	if r.ofRow += n; r.ofRow > maxRowBytes {
		return 0, fmt.Errorf("a row is longer than %d bytes", maxRowBytes)
	}
	return n, err
}

func (r *rowReader) row() { r.count, r.ofRow = r.count+1, 0 }

func (r *rowReader) csv(delimiter string, names []string) error {
	decoder := csv.NewReader(r)
	decoder.Comma, decoder.FieldsPerRecord, decoder.ReuseRecord = rune(delimiter[0]), len(names), true
	header, err := decoder.Read()
	if err != nil || !slices.Equal(header, names) {
		return errors.Join(errors.New("the header is not the columns"), err)
	}
	for {
		if _, err := decoder.Read(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		r.row()
	}
}
