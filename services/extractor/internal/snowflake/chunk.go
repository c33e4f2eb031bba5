package snowflake

import (
	"context"
	"errors"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/ipc"

	"github.com/customer-exports/exports/pkg/arrowmem"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/extractor/internal/convert"
)

// maxReads is how often the body of one chunk is read before the attempt fails.
const maxReads = 3

// records is the memory of the source's record batches: the converter copies what it takes.
var records = arrowmem.New()

// chunk reads one chunk whole, so that a broken body can be read again before any of its rows is sent.
func (s *Source) chunk(ctx context.Context, c *chunk, converter *convert.Converter, progress func()) (arrow.Record, error) {
	for read := 1; ; read++ {
		rec, err := s.once(ctx, c, converter, progress)
		if err == nil || read == maxReads || !readable(err) || ctx.Err() != nil {
			return rec, err
		}
		// Reset leaves the batch usable even when closing the broken body fails.
		_ = c.batch.Reset()
	}
}

// readable reports an error that another read of the same body can cure.
func readable(err error) bool {
	reason := fault.ReasonOf(err)
	return reason == fault.ReasonSourceTruncated || reason == fault.ReasonSourceUnavailable
}

// once reads the body of a chunk under the stall timeout and compares the rows with the announced ones:
// a body may end too early without any error.
func (s *Source) once(ctx context.Context, c *chunk, converter *convert.Converter, progress func()) (_ arrow.Record, err error) {
	ctx, beat, stop := watch(ctx, s.cfg.StallTimeout.D(), progress)
	defer stop()
	batch := converter.Batch(c.rows)
	if err := decode(ctx, c, batch); err != nil {
		return nil, c.trouble(ctx, err, beat)
	}
	if batch.Rows() != c.rows {
		return nil, truncated("chunk %d of %d held %d rows, the source announced %d", c.number, c.of, batch.Rows(), c.rows)
	}
	return batch.Record(), nil
}

// decode appends every record of a chunk. Damaged bytes can make the decoder panic in our goroutine.
func decode(ctx context.Context, c *chunk, batch *convert.Batch) (err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("decoding panicked")
		}
	}()
	body, err := c.batch.GetStream(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }() // read to its end or given up: nothing depends on it
	reader, err := ipc.NewReader(body, ipc.WithAllocator(records))
	if err != nil {
		return err
	}
	defer reader.Release()
	for reader.Next() {
		if err := batch.Append(reader.Record()); err != nil {
			return err
		}
	}
	if err := reader.Err(); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	// To the last byte: gzip's checksum comes after the rows, and a drained connection is used again.
	_, err = io.Copy(io.Discard, body)
	return err
}

// trouble names what went wrong with a chunk: what the context ended for, an expired address, a value
// that was refused, or else the body.
func (c *chunk) trouble(ctx context.Context, err error, beat *pulse) error {
	if why := context.Cause(ctx); why != nil {
		return ended(why)
	}
	if beat.refused() {
		return fault.New(fault.Unavailable, fault.ReasonChunkExpired, "the address of chunk %d of %d is refused", c.number, c.of)
	}
	if f, ok := fault.Of(err); ok {
		return f
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return truncated("chunk %d of %d ended inside a message", c.number, c.of)
	}
	return fault.New(fault.Unavailable, fault.ReasonSourceUnavailable, "chunk %d of %d cannot be read: %s", c.number, c.of, kindOf(err))
}
