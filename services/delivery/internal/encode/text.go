package encode

import (
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/customer-exports/exports/pkg/dictionary/arrowschema"
)

// textBytes is how much text is gathered before it is compressed.
const textBytes = 64 << 10

// cell appends the value of one row, or what stands for a null.
type cell func(to []byte, row int) []byte

// text is what the text formats share: rows are spelled one after the other and compressed as they come, so that nothing of
// a batch is held. It is not safe for concurrent use.
type text struct {
	file   File
	schema *arrow.Schema
	sink   io.WriteCloser
	// column makes the cells of a column of a batch, by its place; end follows the last one of a row.
	column func(i int, values arrow.Array) cell
	end    string

	gathered []byte
	cells    []cell
	stats    Stats
}

func newText(to io.Writer, file File) (*text, error) {
	sink, err := squeeze(to, file.Format.Compression)
	if err != nil {
		return nil, err
	}
	return &text{file: file, schema: arrowschema.Exported(file.Layout), sink: sink, gathered: make([]byte, 0, 2*textBytes)}, nil
}

// Write takes the next rows; fault SCHEMA_MISMATCH when a column that is never null holds one.
func (t *text) Write(batch arrow.Record) error {
	if err := complete(t.file.Layout.Table.Name, t.schema, batch); err != nil {
		return err
	}
	t.cells = t.cells[:0]
	for i := range t.schema.NumFields() {
		t.cells = append(t.cells, t.column(i, batch.Column(i)))
		t.stats.ArrowBytes += columnBytes(batch.Column(i))
	}
	defer clear(t.cells) // they hold on to the batch
	for row := range int(batch.NumRows()) {
		if err := t.row(row); err != nil {
			return err
		}
	}
	t.stats.Rows += batch.NumRows()
	return nil
}

func (t *text) row(row int) error {
	for _, c := range t.cells {
		t.gathered = c(t.gathered, row)
	}
	t.gathered = append(t.gathered, t.end...)
	if len(t.gathered) < textBytes {
		return nil
	}
	return t.flush()
}

func (t *text) flush() error {
	_, err := t.sink.Write(t.gathered)
	t.gathered = t.gathered[:0]
	if err != nil {
		return fmt.Errorf("compressing rows of %s: %w", t.file.Layout.Table.Name, err)
	}
	return nil
}

// Close writes what is left.
func (t *text) Close() (Stats, error) {
	if err := t.flush(); err != nil {
		return Stats{}, err
	}
	if err := t.sink.Close(); err != nil {
		return Stats{}, fmt.Errorf("ending a file of %s: %w", t.file.Layout.Table.Name, err)
	}
	return t.stats, nil
}
