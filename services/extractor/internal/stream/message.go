package stream

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/ipc"
)

const (
	// continuation marks an encapsulated message since Arrow format 0.15.
	continuation = 0xFFFFFFFF
	prefixBytes  = 8
	alignment    = 8
)

// encoder writes records as encapsulated IPC messages, one []byte each, so that the schema can travel
// in the header and every batch in a message of its own.
type encoder struct {
	writer   *ipc.Writer
	messages [][]byte
	longest  int // message so far: the next one is about as long
}

// newEncoder returns an encoder and the schema message that it starts with.
func newEncoder(schema *arrow.Schema) (*encoder, []byte, error) {
	e := &encoder{}
	first := ipc.NewWriterWithPayloadWriter(e, ipc.WithSchema(schema))
	if err := first.Close(); err != nil {
		return nil, nil, fmt.Errorf("encoding the schema: %w", err)
	}
	message, err := e.only()
	e.writer = ipc.NewWriterWithPayloadWriter(e, ipc.WithSchema(schema))
	return e, message, err
}

// encode returns the one message of a record. Our schemas hold no dictionary arrays, which would need
// more than one.
func (e *encoder) encode(rec arrow.Record) ([]byte, error) {
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

func (e *encoder) only() ([]byte, error) {
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
	prefix := make([]byte, prefixBytes+padded, max(prefixBytes+padded, e.longest))
	binary.LittleEndian.PutUint32(prefix, continuation)
	binary.LittleEndian.PutUint32(prefix[4:], uint32(padded)) //nolint:gosec // metadata is a few KiB
	copy(prefix[prefixBytes:], meta.Bytes())
	message := bytes.NewBuffer(prefix)
	if err := p.SerializeBody(message); err != nil {
		return fmt.Errorf("framing a message: %w", err)
	}
	e.messages, e.longest = append(e.messages, message.Bytes()), max(e.longest, message.Len())
	return nil
}
