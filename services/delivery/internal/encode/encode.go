// Package encode owns the bytes of a file: it turns the Arrow batches of one part into Parquet, CSV or JSON Lines.
//
// It refuses a null where the Data Dictionary says there is none, and decides nothing about rows or
// places. It is the only package that knows how a file is spelled, so that a faster encoder, or
// another format, is another Encoder and no other change. Start at Encoder, then Maker.
package encode

import (
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/delivery/internal/encode/flat"
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
	// Profile is what readers of Parquet must know.
	Profile flat.Profile
}

// complete refuses columns of other types than the file's, and a null where the Data Dictionary says that there is none.
func complete(table string, schema *arrow.Schema, batch arrow.Record) error {
	if int(batch.NumCols()) < schema.NumFields() {
		return fault.New(fault.Invalid, fault.ReasonSchemaMismatch, "table %s: a batch has %d columns, and the file %d", table, batch.NumCols(), schema.NumFields())
	}
	for i, field := range schema.Fields() {
		column := batch.Column(i)
		if !arrow.TypeEqual(column.DataType(), field.Type) {
			return fault.New(fault.Invalid, fault.ReasonSchemaMismatch, "table %s: column %s is %s in a batch, and %s in the file", table, field.Name, column.DataType(), field.Type)
		}
		if !field.Nullable && column.NullN() > 0 {
			return fault.New(fault.Invalid, fault.ReasonSchemaMismatch, "table %s: column %s holds a null and must not", table, field.Name)
		}
	}
	return nil
}
