// Package encode owns the bytes of a file: it turns the Arrow batches of one part into Parquet.
//
// It refuses a null where the Data Dictionary says there is none, and decides nothing about rows or
// places. It is the only package that knows how a file is spelled, so that a faster encoder, or
// another format, is a second Encoder and no other change. Start at Encoder, then NewParquet.
package encode

import (
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/customer-exports/exports/pkg/dictionary"
)

// Encoder writes one file. Close must be called once, after the last Write or after a failed one.
type Encoder interface {
	// Write takes the next rows, all fields of the layout. The batch may be released after it.
	Write(batch arrow.Record) error
	// Close writes what is left and the file's footer.
	Close() (Stats, error)
}

// Stats is what a finished file holds.
type Stats struct {
	// Rows in the file.
	Rows int64
	// ArrowBytes is the size of the encoded Arrow buffers, in bytes.
	ArrowBytes int64
}

// Compression names the codec inside a file.
type Compression int

// The codecs that an export may choose; the zero value is the standard one.
const (
	Zstd Compression = iota
	Snappy
	Gzip
	None
)

// File says what a file is of; it lands in the file's own metadata.
type File struct {
	RunID       string
	AsOf        time.Time
	Layout      *dictionary.Layout
	Compression Compression
}
