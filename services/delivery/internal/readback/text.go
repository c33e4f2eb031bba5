package readback

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

// maxRowBytes bounds one row, so that a quote that is never closed does not fill the memory.
const maxRowBytes = 256 << 20

// rows decodes a whole text file, because it has no footer that says how many rows it has.
func (f File) rows(source io.Reader) error {
	text, err := unpack(source, f.Format.Compression)
	if err != nil {
		return f.differs("cannot be unpacked: %v", err)
	}
	defer func() { _ = text.Close() }()
	rows := &rowReader{text: text}
	if f.Format.FileFormat == drop.CSV {
		err = rows.csv(f.Format.CSV.Delimiter, f.Columns)
	} else {
		err = rows.json(f.Columns)
	}
	if err != nil {
		return f.differs("cannot be read after %d rows: %v", rows.count, err)
	}
	if rows.count != f.Rows {
		return f.differs("holds %d rows, %d were written", rows.count, f.Rows)
	}
	return nil
}

// unpack undoes the compression. Zstandard alone is undone by the library that did it, in a part of its own: there is no
// other in Go, and each frame carries the checksum of what went in.
func unpack(packed io.Reader, c drop.Compression) (io.ReadCloser, error) {
	packed = bufio.NewReaderSize(packed, 64<<10)
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
