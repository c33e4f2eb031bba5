package encode

import (
	"context"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/metadata"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/customer-exports/exports/pkg/dictionary/arrowschema"
)

// Library is the Encoder that writes Apache Parquet with Arrow's own library, several times slower than Parquet: for columns
// that one does not know, and as its reference. It gathers the rows of a row group and
// writes them column after column, so that a column is judged by all its rows and only one is in the making. It is not
// safe for concurrent use.
type Library struct {
	sink   *sink
	file   File
	comes  *arrow.Schema // of batches
	schema *arrow.Schema
	points Decimals
	props  *parquet.WriterProperties
	writer *file.Writer // made with the first row group
	ctx    context.Context
	texts  texts

	waiting                   []arrow.Record
	waitingRows, waitingBytes int64
	groups                    []group
	stats                     Stats
}

// NewLibrary makes the encoder of one file.
func NewLibrary(to io.Writer, file File) (*Library, error) {
	comes := arrowschema.Exported(file.Layout)
	points := NewDecimals(comes)
	if _, err := codec(file.Compression); err != nil {
		return nil, err
	}
	own := pqarrow.DefaultWriterProps()
	return &Library{sink: &sink{to: to}, file: file, comes: comes, schema: points.Schema, points: points, ctx: pqarrow.NewArrowWriteContext(context.Background(), &own)}, nil
}

// Write takes the next rows; fault SCHEMA_MISMATCH when a column that is never null holds one.
func (p *Library) Write(batch arrow.Record) error {
	if err := complete(p.file.Layout.Table.Name, p.comes, batch); err != nil {
		return err
	}
	rows := p.points.Rows(batch)
	defer rows.Release()
	for _, piece := range cut(rows, Bounds{GroupRows: groupRows, GroupBytes: groupBytes}) {
		if err := p.wait(piece); err != nil {
			return err
		}
	}
	return p.sink.err
}

// wait keeps rows until their row group is full; it owns them.
func (p *Library) wait(rows arrow.Record) error {
	size := arrowBytes(rows)
	if p.waitingRows+rows.NumRows() > groupRows || p.waitingBytes+size > groupBytes {
		if err := p.flush(); err != nil {
			rows.Release()
			return err
		}
	}
	p.waiting = append(p.waiting, rows)
	p.waitingRows += rows.NumRows()
	p.waitingBytes += size
	p.stats.ArrowBytes += size
	return nil
}

// Close writes what is left and the footer.
func (p *Library) Close() (Stats, error) {
	defer p.drop()
	if err := p.flush(); err != nil {
		return Stats{}, err
	}
	if err := p.open(); err != nil {
		return Stats{}, err
	}
	if err := p.finish(); err != nil {
		return Stats{}, fmt.Errorf("writing the footer of %s: %w", p.file.Layout.Table.Name, err)
	}
	return p.stats, p.sink.err
}

// open begins the file; what waits then decides how its values are packed.
func (p *Library) open() error {
	if p.writer != nil {
		return nil
	}
	props, err := properties(p.file.Compression, p.schema, p.waiting)
	if err != nil {
		return err
	}
	schema, err := pqarrow.ToParquet(p.schema, props, pqarrow.DefaultWriterProps())
	if err != nil {
		return fmt.Errorf("opening a file of %s: %w", p.file.Layout.Table.Name, err)
	}
	pairs, err := describe(p.file)
	if err != nil {
		return err
	}
	meta := metadata.NewKeyValueMetadata()
	for _, pair := range pairs {
		if err := meta.Append(pair.Key, pair.Value); err != nil {
			return fmt.Errorf("adding %s: %w", pair.Key, err)
		}
	}
	p.props, p.writer = props, file.NewParquetWriter(p.sink, schema.Root(), file.WithWriterProps(props), file.WithWriteMetadata(meta))
	return nil
}

// flush writes what waits as one row group.
func (p *Library) flush() error {
	defer p.drop()
	if p.waitingRows == 0 {
		return nil
	}
	if err := p.open(); err != nil {
		return err
	}
	if err := p.writeGroup(p.writer.AppendRowGroup()); err != nil {
		return fmt.Errorf("encoding rows of %s: %w", p.file.Layout.Table.Name, err)
	}
	p.stats.Rows += p.waitingRows
	return nil
}

func (p *Library) writeGroup(writer file.SerialRowGroupWriter) error {
	order := newOrder(p.file.Layout)
	for _, rows := range p.waiting {
		if err := order.take(rows); err != nil {
			return err
		}
	}
	written := group{bounds: make([]bounds, p.schema.NumFields()), sorted: order.end()}
	for i, field := range p.schema.Fields() {
		chunk, err := writer.NextColumn()
		if err != nil {
			return err
		}
		for _, rows := range p.waiting {
			if err := p.put(chunk, rows.Column(i), field.Nullable); err != nil {
				return fmt.Errorf("column %s: %w", field.Name, err)
			}
		}
		written.bounds[i] = boundsOf(p.waiting, i)
	}
	p.groups = append(p.groups, written)
	return writer.Close()
}

// drop releases the batches that wait.
func (p *Library) drop() {
	for _, rows := range p.waiting {
		rows.Release()
	}
	clear(p.waiting)
	p.waiting, p.waitingRows, p.waitingBytes = p.waiting[:0], 0, 0
}
