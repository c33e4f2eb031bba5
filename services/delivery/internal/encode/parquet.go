package encode

import (
	"cmp"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/customer-exports/exports/pkg/dictionary/arrowschema"
	"github.com/customer-exports/exports/services/delivery/internal/encode/flat"
)

// Bounds of a row group, in rows and in bytes of Arrow buffers, whichever is met first: a reader needs about as much memory to
// scan it, and its pages wait in memory here.
const (
	groupRows  = 128 << 10
	groupBytes = 32 << 20
)

// Bounds are those of row groups and of what is in them; zero means the standard one.
type Bounds struct {
	GroupRows, GroupBytes int64
	flat.Bounds
}

// Options are what a delivery server decides about Parquet, as opposed to the export.
type Options struct {
	// Pool lends processors for finishing pages; nil means that the caller does all work.
	Pool   *flat.Pool
	Within Bounds
}

// Parquet is the Encoder that writes Apache Parquet straight from Arrow arrays. It is not safe for concurrent use.
type Parquet struct {
	file   File
	schema *arrow.Schema
	writer *flat.Writer
	order  *order
	within Bounds
	rows   int64 // of the row group in the making
	bytes  int64
	stats  Stats
}

// NewParquet makes the encoder of one file.
func NewParquet(to io.Writer, file File, o Options) (*Parquet, error) {
	schema := arrowschema.Exported(file.Layout)
	codec, err := flatCodec(file.Compression)
	if err != nil {
		return nil, err
	}
	meta, err := describe(file)
	if err != nil {
		return nil, err
	}
	writer, err := flat.NewWriter(to, schema, flat.Options{
		Codec: codec, Profile: file.Profile, CreatedBy: createdBy, Metadata: meta, Pool: o.Pool, Bounds: o.Within.Bounds,
	})
	if err != nil {
		return nil, fmt.Errorf("opening a file of %s: %w", file.Layout.Table.Name, err)
	}
	o.Within.GroupRows, o.Within.GroupBytes = cmp.Or(o.Within.GroupRows, groupRows), cmp.Or(o.Within.GroupBytes, groupBytes)
	return &Parquet{file: file, schema: schema, writer: writer, order: newOrder(file.Layout), within: o.Within}, nil
}

func flatCodec(c Compression) (flat.Codec, error) {
	switch c {
	case Zstd:
		return flat.Zstd, nil
	case Snappy:
		return flat.Snappy, nil
	case Gzip:
		return flat.Gzip, nil
	case None:
		return flat.None, nil
	}
	return flat.None, fmt.Errorf("choosing a codec: unknown compression %d", c)
}

// Write takes the next rows; fault SCHEMA_MISMATCH when a column that is never null holds one.
func (p *Parquet) Write(batch arrow.Record) error {
	if err := complete(p.file.Layout.Table.Name, p.schema, batch); err != nil {
		return err
	}
	rows := array.NewRecord(p.schema, batch.Columns()[:p.schema.NumFields()], batch.NumRows())
	defer rows.Release()
	for _, piece := range cut(rows, p.within) {
		err := p.put(piece)
		piece.Release()
		if err != nil {
			return fmt.Errorf("encoding rows of %s: %w", p.file.Layout.Table.Name, err)
		}
	}
	return nil
}

// put adds rows to the row group, or to the next one if they do not fit.
func (p *Parquet) put(rows arrow.Record) error {
	size := arrowBytes(rows)
	if p.rows+rows.NumRows() > p.within.GroupRows || p.bytes+size > p.within.GroupBytes {
		if err := p.endGroup(); err != nil {
			return err
		}
	}
	if err := p.order.take(rows); err != nil {
		return err
	}
	p.rows, p.bytes, p.stats.ArrowBytes = p.rows+rows.NumRows(), p.bytes+size, p.stats.ArrowBytes+size
	p.writer.Write(rows)
	return nil
}

func (p *Parquet) endGroup() error {
	p.stats.Rows += p.rows
	p.rows, p.bytes = 0, 0
	return p.writer.EndGroup(p.order.end())
}

// Close writes what is left and the footer.
func (p *Parquet) Close() (Stats, error) {
	defer p.writer.Discard()
	if err := p.endGroup(); err != nil {
		return Stats{}, fmt.Errorf("encoding rows of %s: %w", p.file.Layout.Table.Name, err)
	}
	if err := p.writer.Close(); err != nil {
		return Stats{}, fmt.Errorf("writing the footer of %s: %w", p.file.Layout.Table.Name, err)
	}
	return p.stats, nil
}
