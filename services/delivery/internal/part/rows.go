package part

import (
	"encoding/binary"
	"errors"
	"hash"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/minio/crc64nvme"

	"github.com/customer-exports/exports/pkg/arrowmem"
	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/dictionary/arrowschema"
	"github.com/customer-exports/exports/pkg/fault"
)

// rows are the batches of one part, decoded one at a time.
type rows struct {
	layout   *dictionary.Layout
	messages *messages
	reader   *ipc.Reader
	count    count
}

// count is what arrived, as we count it.
type count struct {
	batches, rows int64
	crc           hash.Hash64
}

// batches is the memory of record batches: those who are given one copy what they keep.
var batches = arrowmem.New()

// decode reads the schema and holds it against the one that the Data Dictionary asks for.
func decode(h Header, s Stream, layout *dictionary.Layout) (*rows, error) {
	r := &rows{layout: layout, count: count{crc: crc64nvme.New()}}
	r.messages = &messages{stream: s, schema: h.Schema, count: &r.count}
	reader, err := ipc.NewReaderFromMessageReader(r.messages, ipc.WithAllocator(batches))
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, fault.ReasonSchemaMismatch, "reading the schema of table %s", h.Table)
	}
	r.reader = reader
	if err := sameSchema(layout.Table.Name, reader.Schema(), arrowschema.Of(layout)); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// sameSchema compares names, types and nullability in order. Definitions may differ: those of our
// own dictionary land.
func sameSchema(table string, got, want *arrow.Schema) error {
	if got.NumFields() != want.NumFields() {
		return fault.New(fault.Invalid, fault.ReasonSchemaMismatch, "table %s: %d columns came, the Data Dictionary asks for %d", table, got.NumFields(), want.NumFields())
	}
	for i, w := range want.Fields() {
		g := got.Field(i)
		if g.Name != w.Name || g.Nullable != w.Nullable || !arrow.TypeEqual(g.Type, w.Type) {
			return fault.New(fault.Invalid, fault.ReasonSchemaMismatch, "table %s: column %d is %q %s (nullable %t), the Data Dictionary asks for %q %s (nullable %t)",
				table, i, g.Name, g.Type, g.Nullable, w.Name, w.Type, w.Nullable)
		}
	}
	return nil
}

// next moves to the next batch; proven tells why there is none.
func (r *rows) next() bool {
	if !r.reader.Next() {
		return false
	}
	r.count.rows += r.reader.Record().NumRows()
	return true
}

// batch is valid until next.
func (r *rows) batch() arrow.Record { return r.reader.Record() }

func (r *rows) close() { r.reader.Release() }

// proven compares what arrived with the trailer.
func (r *rows) proven() error {
	if err := r.reader.Err(); err != nil {
		if _, known := fault.Of(err); known {
			return err
		}
		return fault.Wrap(err, fault.DataLoss, fault.ReasonTrailerMismatch, "decoding a batch of table %s", r.layout.Table.Name)
	}
	t, table := r.messages.trailer, r.layout.Table.Name
	switch {
	case t == nil:
		return missing()
	case t.Batches != r.count.batches:
		return mismatch("table %s: %d batches came, %d were announced", table, r.count.batches, t.Batches)
	case t.Rows != r.count.rows:
		return mismatch("table %s: %d rows came, %d were announced", table, r.count.rows, t.Rows)
	case t.CRC != r.count.crc.Sum64():
		return mismatch("table %s: the batches are not the ones that were sent", table)
	}
	return nil
}

func missing() error {
	return fault.New(fault.DataLoss, fault.ReasonTrailerMissing, "the part ended without a trailer")
}

func mismatch(format string, args ...any) error {
	return fault.New(fault.DataLoss, fault.ReasonTrailerMismatch, format, args...)
}

// messages is what Arrow's reader pulls from: the schema once, then batches while the stream gives
// them. Unlike Arrow's own it never takes an end-of-stream mark or a cut message for a good end.
type messages struct {
	stream  Stream
	schema  []byte
	count   *count
	trailer *Trailer
	current *ipc.Message
}

// Message returns the next message, which is valid until the next call; io.EOF after the trailer.
func (m *messages) Message() (*ipc.Message, error) {
	m.Release()
	data, kind := m.schema, ipc.MessageSchema
	if m.schema = nil; data == nil {
		var err error
		if data, err = m.pull(); err != nil {
			return nil, err
		}
		kind = ipc.MessageRecordBatch
	}
	message, err := unpack(data)
	if err != nil {
		return nil, err
	}
	if message.Type() != kind {
		return nil, fault.New(fault.Invalid, fault.ReasonSchemaMismatch, "a message of type %s came where %s belongs", message.Type(), kind)
	}
	m.current = message
	return message, nil
}

func (m *messages) pull() ([]byte, error) {
	batch, trailer, err := m.stream.Next()
	switch {
	case errors.Is(err, io.EOF):
		return nil, missing()
	case err != nil:
		return nil, err
	case trailer != nil:
		m.trailer = trailer
		return nil, m.ended()
	}
	m.count.batches++
	m.count.crc.Write(batch)
	return batch, nil
}

// ended makes sure that the trailer is the last message.
func (m *messages) ended() error {
	if _, _, err := m.stream.Next(); !errors.Is(err, io.EOF) {
		if err != nil {
			return err
		}
		return mismatch("something came after the trailer")
	}
	return io.EOF
}

// Release frees the current message.
func (m *messages) Release() {
	if m.current != nil {
		m.current.Release()
		m.current = nil
	}
}

// Retain does nothing: only the one reader holds messages.
func (m *messages) Retain() {}

// unpack reads the frame of one encapsulated message: a mark, the size of the metadata, the
// metadata, and a body of exactly the announced size.
func unpack(data []byte) (*ipc.Message, error) {
	const head, mark = 8, 0xFFFFFFFF
	if len(data) < head || binary.LittleEndian.Uint32(data) != mark {
		return nil, mismatch("a message is not an encapsulated Arrow message")
	}
	size := int64(binary.LittleEndian.Uint32(data[4:]))
	if size == 0 || head+size > int64(len(data)) {
		return nil, mismatch("an Arrow message is cut within its metadata")
	}
	message := ipc.NewMessage(memory.NewBufferBytes(data[head:head+size]), memory.NewBufferBytes(data[head+size:]))
	if message.BodyLen() != int64(len(data))-head-size {
		return nil, mismatch("an Arrow message announces %d bytes of body, %d came", message.BodyLen(), int64(len(data))-head-size)
	}
	return message, nil
}
