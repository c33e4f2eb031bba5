package stream

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/ipc"
)

const (
	// continuation marks an encapsulated message since Arrow format 0.15.
	continuation = 0xFFFFFFFF
	prefixBytes  = 8
	alignment    = 8
	// shortBytes is up to which length what is written is copied: a piece of its own costs more.
	shortBytes = 1 << 10
)

// message is one encapsulated IPC message in pieces. The long ones are the record's own memory.
type message struct {
	pieces [][]byte
	bytes  int
	open   bool // whether the last piece is ours and takes more
}

// Write takes what a record has, which must not change until the message is spent.
func (m *message) Write(data []byte) (int, error) {
	m.bytes += len(data)
	last := len(m.pieces) - 1
	switch {
	case len(data) > shortBytes:
		m.pieces, m.open = append(m.pieces, data), false
	case m.open:
		m.pieces[last] = append(m.pieces[last], data...)
	default:
		m.pieces, m.open = append(m.pieces, append([]byte(nil), data...)), true
	}
	return len(data), nil
}

// encoder writes records as encapsulated IPC messages, so that the schema can travel in the header and every batch in a
// message of its own.
type encoder struct {
	writer   *ipc.Writer
	messages []*message
}

// newEncoder returns an encoder and the schema message that it starts with.
func newEncoder(schema *arrow.Schema) (*encoder, []byte, error) {
	e := &encoder{}
	first := ipc.NewWriterWithPayloadWriter(e, ipc.WithSchema(schema))
	if err := first.Close(); err != nil {
		return nil, nil, fmt.Errorf("encoding the schema: %w", err)
	}
	message, err := e.only()
	if err != nil {
		return nil, nil, err
	}
	e.writer = ipc.NewWriterWithPayloadWriter(e, ipc.WithSchema(schema))
	return e, slices.Concat(message.pieces...), nil
}

// encode returns the one message of a record, good as long as the record is. Our schemas hold no dictionary arrays, which would
// need more than one.
func (e *encoder) encode(rec arrow.Record) (*message, error) {
	e.messages = nil
	if err := e.writer.Write(rec); err != nil {
		return nil, fmt.Errorf("encoding a batch: %w", err)
	}
	// The writer repeats the schema before its first batch.
	if len(e.messages) > 1 {
		e.messages = e.messages[len(e.messages)-1:]
	}
	return e.only()
}

func (e *encoder) only() (*message, error) {
	if len(e.messages) != 1 {
		return nil, fmt.Errorf("encoding gave %d messages instead of 1", len(e.messages))
	}
	message := e.messages[0]
	e.messages = nil
	return message, nil
}

// Start is part of ipc.PayloadWriter.
func (e *encoder) Start() error { return nil }

// Close is part of ipc.PayloadWriter.
func (e *encoder) Close() error { return nil }

// WritePayload is part of ipc.PayloadWriter: it frames one message.
func (e *encoder) WritePayload(p ipc.Payload) error {
	meta := p.Meta()
	defer meta.Release()
	padded := (meta.Len() + alignment - 1) / alignment * alignment
	head := make([]byte, prefixBytes+padded)
	binary.LittleEndian.PutUint32(head, continuation)
	binary.LittleEndian.PutUint32(head[4:], uint32(padded)) //nolint:gosec // metadata is a few KiB
	copy(head[prefixBytes:], meta.Bytes())
	m := &message{pieces: [][]byte{head}, bytes: len(head), open: true}
	if err := p.SerializeBody(m); err != nil {
		return fmt.Errorf("framing a message: %w", err)
	}
	e.messages = append(e.messages, m)
	return nil
}
