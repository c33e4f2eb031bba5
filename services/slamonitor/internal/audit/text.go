package audit

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/services/slamonitor/internal/sla"
)

// A text file may say of itself that it unpacks to anything, so what one row and one frame may take is bounded. Time is
// bounded by the context, and rows are by the manifest.
const (
	maxRowBytes    = 256 << 20
	maxWindowBytes = 64 << 20
)

// text is a text file on its way through the decoder.
type text struct {
	ctx    context.Context // of the one decoding that it lives for: io.Reader has no place for it
	in     *bufio.Reader
	layout *dictionary.Layout
	format drop.Format
	rows   int64
	most   int64 // the manifest's rows
	taken  int   // bytes of the row at hand
}

// decodeText reads every row of a CSV or JSON Lines file and returns how many there are. Each must have the columns of the
// Data Dictionary, each value the spelling of its type, and no null may be where there is none.
func decodeText(ctx context.Context, file io.ReaderAt, f drop.File, format drop.Format, layout *dictionary.Layout) (int64, error) {
	unpacked, err := unpack(io.NewSectionReader(file, 0, f.Bytes), format.Compression)
	if err != nil {
		return 0, wrongFile(sla.Unreadable, "unpacking the file: %v", err)
	}
	defer func() { _ = unpacked.Close() }()
	t := &text{ctx: ctx, layout: layout, format: format, most: f.Rows}
	t.in = bufio.NewReaderSize(&guarded{text: t, from: unpacked}, 64<<10)
	if format.FileFormat == drop.CSV {
		err = t.csv()
	} else {
		err = t.jsonLines()
	}
	if ctx.Err() != nil {
		return 0, fmt.Errorf("decoding %s: %w", f.Key, ctx.Err())
	}
	if bad := (*fileError)(nil); err != nil && !errors.As(err, &bad) {
		err = wrongFile(sla.Unreadable, "decoding the file after %d rows: %v", t.rows, err)
	}
	return t.rows, err
}

func unpack(packed io.Reader, c drop.Compression) (io.ReadCloser, error) {
	packed = bufio.NewReaderSize(packed, 256<<10)
	switch c {
	case drop.Gzip:
		return gzip.NewReader(packed)
	case drop.Zstd:
		decoder, err := zstd.NewReader(packed, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindowBytes))
		if err != nil {
			return nil, err
		}
		return decoder.IOReadCloser(), nil
	}
	return io.NopCloser(packed), nil
}

// guarded ends the reading of a text that exceeds its bounds.
type guarded struct {
	text *text
	from io.Reader
}

func (g *guarded) Read(p []byte) (int, error) {
	if err := g.text.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := g.from.Read(p)
	if g.text.taken += n; g.text.taken > maxRowBytes {
		return 0, fmt.Errorf("a row is longer than %d bytes", maxRowBytes)
	}
	return n, err
}

// row counts one that was read whole.
func (t *text) row() error {
	t.taken = 0
	if t.rows++; t.rows > t.most {
		return wrongFile(sla.Mismatch, "the file holds more than the %d rows of the manifest", t.most)
	}
	return nil
}

// value judges a value that is not null, as it is spelled without quotes.
func (t *text) value(i int, value []byte) error {
	if field := t.layout.Fields[i]; !spelledAs(field.Column.Type, value) {
		return wrongFile(sla.Mismatch, "row %d: column %s is no %s", t.rows+1, field.Name, field.Column.Type)
	}
	return nil
}

func (t *text) null(i int) error {
	if field := t.layout.Fields[i]; !field.Column.Nullable {
		return wrongFile(sla.Mismatch, "row %d: column %s is null, and the Data Dictionary says that it never is", t.rows+1, field.Name)
	}
	return nil
}
