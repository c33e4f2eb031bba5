// Package flat writes tables of flat columns as Parquet, straight from Arrow arrays.
//
// It owns the bytes of the format: pages, levels, dictionaries, statistics, page index and footer, after
// github.com/apache/parquet-format at 2.11. Rows of a batch are copied once, into the page that each column is filling; a
// full page is encoded and compressed by whoever is free, so that memory depends on the size of a row group alone. How
// values are packed is judged from the first of them in every row group.
//
// It refuses types that it has no column for. It decides nothing about rows, nor when a row group ends, and uses no Parquet
// library. Start at Writer.
package flat

import (
	"cmp"
	"io"
	"slices"
	"sync/atomic"

	"github.com/apache/arrow/go/v17/arrow"
)

// Options say how a file is written.
type Options struct {
	// Codec compresses pages that shrink by it.
	Codec Codec
	// Profile is what readers must know.
	Profile Profile
	// CreatedBy names the writer in the footer.
	CreatedBy string
	// Metadata is the file's own, in order.
	Metadata []KeyValue
	// Pool lends processors; nil means that the caller does all work.
	Pool *Pool
	// Bounds of pages.
	Bounds Bounds
}

// Profile says what a reader must know. The values are the same in each.
type Profile int

const (
	// Current has data pages of version 2 and delta encodings.
	Current Profile = iota
	// Conservative keeps to what the oldest readers know: data pages of version 1, plain values and dictionaries.
	Conservative
	// Newest is as Current, and splits floating-point numbers into streams, which Spark reads by default since 2026.
	Newest
)

// KeyValue is one entry of a file's own metadata.
type KeyValue struct{ Key, Value string }

// Writer writes one file. It is not safe for concurrent use.
type Writer struct {
	to      counter
	options Options
	columns []*column
	longest []int // columns in the order in which they are taken: the last ones should be short
	rows    int64 // of the row group in the making
	groups  []group
}

// NewWriter begins a file; an error names the column that this package cannot write.
func NewWriter(to io.Writer, schema *arrow.Schema, options Options) (*Writer, error) {
	options.Bounds = options.Bounds.orStandard()
	w := &Writer{to: counter{to: to}, options: options}
	press, err := compressorOf(options.Codec)
	if err != nil {
		return nil, err
	}
	for _, field := range schema.Fields() {
		leaf, err := leafOf(field)
		if err != nil {
			return nil, err
		}
		w.columns = append(w.columns, newColumn(leaf, options, press))
	}
	w.longest = longestFirst(w.columns)
	return w, w.to.write(magic)
}

// longestFirst are the places of columns, those of texts before others.
func longestFirst(columns []*column) []int {
	order := make([]int, len(columns))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(columns[b].leaf.effort(), columns[a].leaf.effort()) })
	return order
}

// Write adds rows to the row group in the making. The batch must have the file's columns, without a null where the schema has
// none, and may be released after it.
func (w *Writer) Write(batch arrow.Record) {
	var next atomic.Int64
	w.options.Pool.share(int(batch.NumRows()/shareRows), func() {
		for i := next.Add(1) - 1; i < int64(len(w.columns)); i = next.Add(1) - 1 {
			column := w.longest[i]
			w.columns[column].take(batch.Column(column))
		}
	})
	w.rows += batch.NumRows()
}

// shareRows is how many rows of a batch make it worth another's while to help.
const shareRows = 1024

// EndGroup writes the row group in the making, if it has rows. Its rows ascend by the columns sorted, if any are given.
func (w *Writer) EndGroup(sorted []int) error {
	if w.rows == 0 {
		return nil
	}
	for _, c := range w.columns {
		c.end()
	}
	g := group{rows: w.rows, sorted: sorted, offset: w.to.bytes}
	for _, c := range w.columns {
		written, err := c.write(&w.to)
		if err != nil {
			return err
		}
		g.chunks = append(g.chunks, written)
	}
	w.groups, w.rows = append(w.groups, g), 0
	return nil
}

// Close writes the page index and the footer. The row group in the making must have been ended.
func (w *Writer) Close() error {
	if err := w.index(); err != nil {
		return err
	}
	return w.to.write(w.footer())
}

// Discard waits until nothing works for this file any more; it is for a file that is not to be closed.
func (w *Writer) Discard() {
	for _, c := range w.columns {
		c.working.Wait()
	}
}

// counter knows where in the file one is.
type counter struct {
	to    io.Writer
	bytes int64
}

func (c *counter) write(pieces ...[]byte) error {
	for _, p := range pieces {
		n, err := c.to.Write(p)
		c.bytes += int64(n)
		if err != nil {
			return err
		}
	}
	return nil
}
