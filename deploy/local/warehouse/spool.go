package warehouse

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/klauspost/compress/gzip"
)

// spooler cuts record batches of DuckDB into the inline part and chunks of the announced size. It
// holds the rows of one chunk at a time.
type spooler struct {
	server  *Server
	id      string
	result  *result
	pending []arrow.RecordBatch
	rows    int64
}

func newSpooler(s *Server, id string, columns []column) *spooler {
	return &spooler{server: s, id: id, result: &result{columns: columns, key: rand.Text()}}
}

// room is how many rows the part under construction still takes.
func (w *spooler) room() int64 {
	if w.result.inline == nil {
		return int64(w.server.cfg.InlineRows) - w.rows
	}
	return int64(w.server.cfg.ChunkRows) - w.rows
}

func (w *spooler) add(batch arrow.RecordBatch) error {
	for from := int64(0); from < batch.NumRows(); {
		to := min(batch.NumRows(), from+w.room())
		w.pending = append(w.pending, batch.NewSlice(from, to))
		w.rows += to - from
		from = to
		if w.room() == 0 {
			if err := w.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *spooler) finish() (*result, error) {
	if w.rows > 0 {
		if err := w.flush(); err != nil {
			w.result.remove()
			return nil, err
		}
	}
	return w.result, nil
}

func (w *spooler) release() {
	for _, batch := range w.pending {
		batch.Release()
	}
	w.pending = nil
}

// flush encodes the pending rows as the inline part when there is none yet, else as a chunk.
func (w *spooler) flush() error {
	part, err := encode(w.result.columns, w.pending, len(w.result.chunks))
	if err != nil {
		return fmt.Errorf("encoding chunk %d: %w", len(w.result.chunks), err)
	}
	defer part.Release()
	if w.result.inline == nil {
		err = w.writeInline(part)
	} else {
		err = w.writeChunk(part)
	}
	w.result.total += w.rows
	w.rows = 0
	w.release()
	return err
}

func (w *spooler) writeInline(part arrow.RecordBatch) error {
	var buffer bytes.Buffer
	if err := writeStream(&buffer, part, w.server.cfg.BatchRows); err != nil {
		return err
	}
	w.result.inline, w.result.inlineRows = buffer.Bytes(), part.NumRows()
	return nil
}

func (w *spooler) writeChunk(part arrow.RecordBatch) error {
	path := filepath.Join(w.server.spool, fmt.Sprintf("%s-%d.arrow.gz", w.id, len(w.result.chunks)))
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("creating chunk: %w", err)
	}
	defer func() { _ = file.Close() }()
	compressor, err := gzip.NewWriterLevel(file, gzip.BestSpeed)
	if err != nil {
		return fmt.Errorf("compressing chunk: %w", err)
	}
	plain := &counter{to: compressor}
	if err := writeStream(plain, part, w.server.cfg.BatchRows); err != nil {
		return err
	}
	if err := compressor.Close(); err != nil {
		return fmt.Errorf("compressing chunk: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("measuring chunk: %w", err)
	}
	w.result.chunks = append(w.result.chunks, chunkFile{path: path, rows: part.NumRows(), compressed: info.Size(), uncompressed: plain.n})
	w.result.bytes += info.Size()
	return nil
}

// writeStream writes an IPC stream of batches with at most the given rows each.
func writeStream(to io.Writer, part arrow.RecordBatch, rows int) error {
	writer := ipc.NewWriter(to, ipc.WithSchema(part.Schema()))
	for from := int64(0); from < part.NumRows(); from += int64(rows) {
		slice := part.NewSlice(from, min(part.NumRows(), from+int64(rows)))
		err := writer.Write(slice)
		slice.Release()
		if err != nil {
			return fmt.Errorf("writing record batch: %w", err)
		}
	}
	if err := writer.Close(); err != nil {
		return fmt.Errorf("closing stream: %w", err)
	}
	return nil
}

type counter struct {
	to io.Writer
	n  int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	c.n += int64(n)
	return n, err //nolint:wrapcheck // a writer passes the error of the writer below on
}

// join makes one array of a column's slices.
func join(pending []arrow.RecordBatch, index int) (arrow.Array, error) {
	arrays := make([]arrow.Array, 0, len(pending))
	for _, batch := range pending {
		arrays = append(arrays, batch.Column(index))
	}
	joined, err := array.Concatenate(arrays, allocator)
	if err != nil {
		return nil, fmt.Errorf("joining column %d: %w", index, err)
	}
	return joined, nil
}
