package encode

import (
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/arrow/util"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/customer-exports/exports/pkg/dictionary/arrowschema"
	"github.com/customer-exports/exports/pkg/fault"
)

// Sizes in rows and in bytes of Arrow buffers, whichever is met first; wide free text would
// otherwise make a row group of a gigabyte. Batches below 65,536 rows cost up to 40 % more CPU.
const (
	joinRows   = 65_536
	joinBytes  = 32 << 20
	groupRows  = 512 << 10
	groupBytes = 256 << 20
)

// Parquet is the Encoder that writes Apache Parquet. It is not safe for concurrent use.
type Parquet struct {
	sink   io.Writer
	file   File
	schema *arrow.Schema
	writer *pqarrow.FileWriter // made with the first rows

	waiting                   []arrow.Record
	waitingRows, waitingBytes int64
	groupRows, groupBytes     int64
	stats                     Stats
}

// NewParquet makes the encoder of one file. The sink must not fail: the library panics when its
// first write does, and drops the errors of later ones. Use a buffer and ask it afterwards.
func NewParquet(sink io.Writer, file File) (*Parquet, error) {
	meta, err := metadata(file)
	if err != nil {
		return nil, err
	}
	schema := arrow.NewSchema(arrowschema.Exported(file.Layout).Fields(), &meta)
	return &Parquet{sink: sink, file: file, schema: schema}, nil
}

// Write takes the next rows; fault SCHEMA_MISMATCH when a column that is never null holds one.
func (p *Parquet) Write(batch arrow.Record) error {
	if batch.NumRows() == 0 {
		return nil
	}
	for i, field := range p.schema.Fields() {
		if !field.Nullable && batch.Column(i).NullN() > 0 {
			return fault.New(fault.Invalid, fault.ReasonSchemaMismatch, "table %s: column %s holds a null and must not", p.file.Layout.Table.Name, field.Name)
		}
	}
	p.wait(array.NewRecord(p.schema, batch.Columns()[:p.file.Layout.Exported], batch.NumRows()))
	if p.waitingRows < joinRows && p.waitingBytes < joinBytes {
		return nil
	}
	return p.flush()
}

func (p *Parquet) wait(rows arrow.Record) {
	size := util.TotalRecordSize(rows)
	p.waiting = append(p.waiting, rows)
	p.waitingRows += rows.NumRows()
	p.waitingBytes += size
	p.stats.ArrowBytes += size
}

// Close writes what is left and the footer.
func (p *Parquet) Close() (Stats, error) {
	defer p.drop()
	if err := p.flush(); err != nil {
		return Stats{}, err
	}
	if err := p.open(nil); err != nil {
		return Stats{}, err
	}
	if err := p.writer.Close(); err != nil {
		return Stats{}, fmt.Errorf("writing the footer of %s: %w", p.file.Layout.Table.Name, err)
	}
	return p.stats, nil
}

func (p *Parquet) open(first arrow.Record) error {
	if p.writer != nil {
		return nil
	}
	props, err := properties(p.file.Compression, first)
	if err != nil {
		return err
	}
	p.writer, err = pqarrow.NewFileWriter(p.schema, p.sink, props, pqarrow.DefaultWriterProps())
	if err != nil {
		return fmt.Errorf("opening a file of %s: %w", p.file.Layout.Table.Name, err)
	}
	return nil
}

func (p *Parquet) flush() error {
	if p.waitingRows == 0 {
		return nil
	}
	rows, err := join(p.schema, p.waiting)
	if err != nil {
		return err
	}
	defer rows.Release()
	size := p.waitingBytes
	p.drop()
	if err := p.open(rows); err != nil {
		return err
	}
	return p.append(rows, size)
}

func (p *Parquet) append(rows arrow.Record, size int64) error {
	if p.groupRows >= groupRows || p.groupBytes >= groupBytes {
		p.writer.NewBufferedRowGroup()
		p.groupRows, p.groupBytes = 0, 0
	}
	if err := p.writer.WriteBuffered(rows); err != nil {
		return fmt.Errorf("encoding rows of %s: %w", p.file.Layout.Table.Name, err)
	}
	p.groupRows += rows.NumRows()
	p.groupBytes += size
	p.stats.Rows += rows.NumRows()
	return nil
}

// drop releases the batches that wait.
func (p *Parquet) drop() {
	for _, rows := range p.waiting {
		rows.Release()
	}
	clear(p.waiting)
	p.waiting, p.waitingRows, p.waitingBytes = p.waiting[:0], 0, 0
}

// join copies small batches into one. The memory is the garbage collector's: the library keeps
// minimum and maximum of text columns as slices into it, so it must not be used again.
func join(schema *arrow.Schema, batches []arrow.Record) (arrow.Record, error) {
	columns := make([]arrow.Array, 0, schema.NumFields())
	defer func() {
		for _, c := range columns {
			c.Release()
		}
	}()
	rows := int64(0)
	for _, b := range batches {
		rows += b.NumRows()
	}
	for i := range schema.NumFields() {
		pieces := make([]arrow.Array, len(batches))
		for j, b := range batches {
			pieces[j] = b.Column(i)
		}
		joined, err := array.Concatenate(pieces, memory.DefaultAllocator)
		if err != nil {
			return nil, fmt.Errorf("joining batches of column %s: %w", schema.Field(i).Name, err)
		}
		columns = append(columns, joined)
	}
	return array.NewRecord(schema, columns, rows), nil
}
