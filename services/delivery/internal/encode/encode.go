// Package encode owns the bytes of a file: it turns the Arrow batches of one part into Parquet, CSV or JSON Lines.
//
// It refuses a null where the Data Dictionary says there is none, and decides nothing about rows or
// places. It is the only package that knows how a file is spelled, so that a faster encoder, or
// another format, is another Encoder and no other change. Start at Encoder, then New.
package encode

import (
	"fmt"
	"io"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/drop"
)

// Encoder writes one file. Close must be called once, after the last Write or after a failed one.
type Encoder interface {
	// Write takes the next rows, all fields of the layout. The batch may be released after it.
	Write(batch arrow.Record) error
	// Close writes what is left and the file's footer, if the format has one.
	Close() (Stats, error)
}

// Stats is what a finished file holds.
type Stats struct {
	// Rows in the file.
	Rows int64
	// ArrowBytes is the size of the encoded Arrow buffers, in bytes.
	ArrowBytes int64
}

// Compression names the codec inside a Parquet file.
type Compression int

// The codecs that an export may choose; the zero value is the standard one.
const (
	Zstd Compression = iota
	Snappy
	Gzip
	None
)

// File says what a file is of and how it is written. Run, time and definitions land in the metadata of a Parquet file; the
// text formats have no place for them.
type File struct {
	RunID  string
	AsOf   time.Time
	Layout *dictionary.Layout
	Format drop.Format
	// Compression is that of Parquet; Format has that of the text formats.
	Compression Compression
}

// New makes the encoder of one file in the file's format.
func New(to io.Writer, file File) (Encoder, error) {
	switch file.Format.FileFormat {
	case drop.Parquet:
		return NewParquet(to, file)
	case drop.CSV:
		return NewCSV(to, file)
	case drop.JSONLines:
		return NewJSONLines(to, file)
	default:
		return nil, fmt.Errorf("choosing an encoder: unknown format %s", file.Format)
	}
}
