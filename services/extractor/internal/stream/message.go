package stream

import (
	"encoding/binary"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/ipc"

	"github.com/customer-exports/exports/pkg/rpc"
)

const (
	// continuation marks an encapsulated message since Arrow format 0.15.
	continuation = 0xFFFFFFFF
	prefixBytes  = 8
	alignment    = 8
)

// encoder writes records as encapsulated IPC messages, one of rpc.Buffers each, so that the schema can travel
// in the header and every batch in a message of its own.
type encoder struct {
	writer   *ipc.Writer
	messages []*[]byte
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
	return e, *message, nil
}

// encode returns the one message of a record. Our schemas hold no dictionary arrays, which would need
// more than one.
func (e *encoder) encode(rec arrow.Record) (*[]byte, error) {
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

func (e *encoder) only() (*[]byte, error) {
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
	buffer := rpc.Buffers.Get(prefixBytes + padded)
	head := *buffer
	binary.LittleEndian.PutUint32(head, continuation)
	binary.LittleEndian.PutUint32(head[4:], uint32(padded)) //nolint:gosec // metadata is a few KiB
	clear(head[prefixBytes+copy(head[prefixBytes:], meta.Bytes()):])
	if err := p.SerializeBody((*appender)(buffer)); err != nil {
		return fmt.Errorf("framing a message: %w", err)
	}
	e.messages = append(e.messages, buffer)
	return nil
}

// appender appends what is written.
type appender []byte

func (a *appender) Write(data []byte) (int, error) {
	*a = append(*a, data...)
	return len(data), nil
}
