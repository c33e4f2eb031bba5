package encode

import (
	"context"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/customer-exports/exports/pkg/dictionary/arrowschema"
	"github.com/customer-exports/exports/pkg/fault"
)

// Bounds of a row group, in rows and in bytes of Arrow buffers, whichever is met first: the batches of one group wait in
// memory, and a reader needs about as much to scan it.
const (
	groupRows  = 128 << 10
	groupBytes = 32 << 20
)

// Parquet is the Encoder that writes Apache Parquet with Arrow's own library. It gathers the rows of a row group and
// writes them column after column, so that a column is judged by all its rows and only one is in the making. It is not
// safe for concurrent use.
type Parquet struct {
	sink   *sink
	file   File
	schema *arrow.Schema
	props  *parquet.WriterProperties
	writer *file.Writer // made with the first row group
	ctx    context.Context
	texts  texts

	waiting                   []arrow.Record
	waitingRows, waitingBytes int64
	groups                    []group
	stats                     Stats
}

// NewParquet makes the encoder of one file.
func NewParquet(to io.Writer, file File) (*Parquet, error) {
	schema := arrow.NewSchema(arrowschema.Exported(file.Layout).Fields(), nil)
	if _, err := codec(file.Compression); err != nil {
		return nil, err
	}
	own := pqarrow.DefaultWriterProps()
	return &Parquet{sink: &sink{to: to}, file: file, schema: schema, ctx: pqarrow.NewArrowWriteContext(context.Background(), &own)}, nil
}

// Write takes the next rows; fault SCHEMA_MISMATCH when a column that is never null holds one.
func (p *Parquet) Write(batch arrow.Record) error {
	if err := complete(p.file.Layout.Table.Name, p.schema, batch); err != nil {
		return err
	}
	rows := array.NewRecord(p.schema, batch.Columns()[:p.schema.NumFields()], batch.NumRows())
	defer rows.Release()
	for _, piece := range cut(rows) {
		if err := p.wait(piece); err != nil {
			return err
		}
	}
	return p.sink.err
}

// complete refuses a null where the Data Dictionary says that there is none.
func complete(table string, schema *arrow.Schema, batch arrow.Record) error {
	for i, field := range schema.Fields() {
		if !field.Nullable && batch.Column(i).NullN() > 0 {
			return fault.New(fault.Invalid, fault.ReasonSchemaMismatch, "table %s: column %s holds a null and must not", table, field.Name)
		}
	}
	return nil
}

// wait keeps rows until their row group is full; it owns them.
func (p *Parquet) wait(rows arrow.Record) error {
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
func (p *Parquet) Close() (Stats, error) {
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
func (p *Parquet) open() error {
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
	meta, err := describe(p.file)
	if err != nil {
		return err
	}
	p.props, p.writer = props, file.NewParquetWriter(p.sink, schema.Root(), file.WithWriterProps(props), file.WithWriteMetadata(meta))
	return nil
}

// flush writes what waits as one row group.
func (p *Parquet) flush() error {
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

func (p *Parquet) writeGroup(writer file.SerialRowGroupWriter) error {
	written := group{bounds: make([]bounds, p.schema.NumFields()), sorted: sorting(p.file.Layout, p.waiting)}
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
func (p *Parquet) drop() {
	for _, rows := range p.waiting {
		rows.Release()
	}
	clear(p.waiting)
	p.waiting, p.waitingRows, p.waitingBytes = p.waiting[:0], 0, 0
}
