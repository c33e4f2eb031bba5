package readback

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/customer-exports/exports/pkg/drop"
)

// unpackBytes is what an unpacker is given at once.
const unpackBytes = 64 << 10

// text decodes a whole text file, because it has no footer that says how many rows it has, and returns what it counted.
func (r Reader) text(w *window, f File) ([]Count, error) {
	text, err := r.unpack(w, f.Format.Compression)
	if errors.Is(err, errWay) {
		return nil, err
	}
	if err != nil {
		return nil, damaged(f, "unpacking it: %v", err)
	}
	defer func() { _ = text.Close() }()
	names := make([]string, len(f.Columns))
	for i, c := range f.Columns {
		names[i] = c.Name
	}
	rows := &rowReader{text: text, most: f.Rows, mostBytes: r.Limits.RowBytes, cells: cellsOf(f)}
	if f.Format.FileFormat == drop.CSV {
		err = rows.csv(f.Format.CSV, names)
	} else {
		err = rows.json(names)
	}
	switch {
	case errors.Is(err, errWay):
		return nil, err
	case errors.Is(err, errMore):
		return nil, differs(f, "holds more than the %d rows that were written", f.Rows)
	case err == nil && rows.count != f.Rows:
		return nil, differs(f, "holds %d rows, %d were written", rows.count, f.Rows)
	case err != nil:
		return nil, damaged(f, "after %d rows: %v", rows.count, err)
	}
	counts := make([]Count, len(rows.cells))
	for i, c := range rows.cells {
		counts[i] = c.count()
	}
	return counts, same(f, counts)
}

// unpack undoes the compression. Zstandard alone is undone by the library that did it, in a part of its own: there is no
// other in Go, and each frame carries the checksum of what went in.
func (r Reader) unpack(packed io.Reader, c drop.Compression) (io.ReadCloser, error) {
	packed = bufio.NewReaderSize(packed, unpackBytes)
	switch c {
	case drop.Gzip:
		return gzip.NewReader(packed)
	case drop.Zstd:
		decoder, err := zstd.NewReader(packed, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(r.Limits.WindowBytes))
		if err != nil {
			return nil, err
		}
		return decoder.IOReadCloser(), nil
	}
	return io.NopCloser(packed), nil
}

// errMore says that there are more rows than were written.
var errMore = errors.New("there are more rows")

// rowReader counts the rows of a text, and what their columns hold.
type rowReader struct {
	text      io.Reader
	count     int64
	most      int64
	ofRow     int
	mostBytes int
	cells     []*cells
}

// Read implements io.Reader.
func (r *rowReader) Read(p []byte) (int, error) {
	n, err := r.text.Read(p)
	if r.ofRow += n; r.ofRow > r.mostBytes {
		return 0, fmt.Errorf("a row is longer than %d bytes", r.mostBytes)
	}
	return n, err
}

// row counts one that was read whole.
func (r *rowReader) row() error {
	r.count, r.ofRow = r.count+1, 0
	if r.count > r.most {
		return errMore
	}
	return nil
}
