// Package inplace reads Arrow record batches where they lie: the arrays are the bytes of the message itself, which Arrow's own
// reader copies. It owns the way from a message's bytes to arrays, and believes nothing that a message says of itself: lengths, nulls
// and offsets are each held against what is there, so that nobody who is given a record can be led beyond it. It refuses
// what the extractor does not send: dictionaries, nesting, compression. Start at Record.
package inplace

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	flatbuffers "github.com/google/flatbuffers/go"
)

// What the Arrow columnar format says of an encapsulated message: https://arrow.apache.org/docs/format/Columnar.html, with
// the tables of its Message.fbs. A field of a table is found at 4 + 2 * its place.
const (
	mark         = 0xFFFFFFFF
	headBytes    = 8
	headerKind   = 6
	header       = 8
	bodyLength   = 10
	recordBatch  = 3
	batchRows    = 4
	batchNodes   = 6
	batchBuffers = 8
	batchPacked  = 10
	structBytes  = 16 // of a node, and of a buffer: two 8-byte numbers
)

// ErrNoBatch is returned for a message that is whole, and something else than a record batch.
var ErrNoBatch = errors.New("a message is no record batch")

// Record returns the rows of an encapsulated record batch, whose columns must be those of the schema. It is good as long as the
// message's bytes are, and needs no release. Columns that must have no nulls may have some. ErrNoBatch for another message.
func Record(schema *arrow.Schema, message []byte) (_ arrow.Record, err error) {
	// flatbuffers panics where metadata points beyond itself.
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("the metadata of a batch is damaged: %v", cause)
		}
	}()
	b, err := open(message)
	if err != nil {
		return nil, err
	}
	columns := make([]arrow.Array, schema.NumFields())
	for i, f := range schema.Fields() {
		if columns[i], err = b.column(f); err != nil {
			return nil, fmt.Errorf("column %s: %w", f.Name, err)
		}
	}
	return array.NewRecord(schema, columns, b.rows), b.ended()
}

// batch is a message that is read column by column.
type batch struct {
	rows           int64
	body           []byte
	nodes, buffers vector
}

// open reads the frame: a mark, the size of the metadata, the metadata, and a body of exactly the announced size.
func open(message []byte) (*batch, error) {
	if len(message) < headBytes || binary.LittleEndian.Uint32(message) != mark {
		return nil, errors.New("a message is not an encapsulated Arrow message")
	}
	size := int64(binary.LittleEndian.Uint32(message[4:]))
	if size == 0 || headBytes+size > int64(len(message)) {
		return nil, errors.New("a message is cut within its metadata")
	}
	meta, body := message[headBytes:headBytes+size], message[headBytes+size:]
	root := flatbuffers.Table{Bytes: meta, Pos: flatbuffers.GetUOffsetT(meta)}
	switch kind := root.GetByteSlot(headerKind, 0); kind {
	case recordBatch:
	case 0:
		return nil, errors.New("a message does not say what it is")
	default:
		return nil, fmt.Errorf("%w: its kind is %d", ErrNoBatch, kind)
	}
	if announced := root.GetInt64Slot(bodyLength, 0); announced != int64(len(body)) {
		return nil, fmt.Errorf("a message announces %d bytes of body, %d came", announced, len(body))
	}
	of := flatbuffers.Table{Bytes: meta}
	root.Union(&of, flatbuffers.UOffsetT(root.Offset(header)))
	return newBatch(of, body)
}

func newBatch(of flatbuffers.Table, body []byte) (*batch, error) {
	b := &batch{rows: of.GetInt64Slot(batchRows, 0), body: body, nodes: vectorOf(of, batchNodes), buffers: vectorOf(of, batchBuffers)}
	switch {
	case of.Offset(batchPacked) != 0:
		return nil, errors.New("a batch is compressed")
	case b.rows < 0 || b.rows/8 > int64(len(body)): // a row has a bit at least
		return nil, fmt.Errorf("a batch announces %d rows in %d bytes", b.rows, len(body))
	}
	return b, nil
}

// ended refuses columns that the schema does not have.
func (b *batch) ended() error {
	if b.nodes.left > 0 || b.buffers.left > 0 {
		return errors.New("a batch has more columns than its schema")
	}
	return nil
}

// vector is what is left of a list of pairs.
type vector struct {
	of   flatbuffers.Table
	at   flatbuffers.UOffsetT
	left int
}

func vectorOf(of flatbuffers.Table, field flatbuffers.VOffsetT) vector {
	place := flatbuffers.UOffsetT(of.Offset(field))
	if place == 0 {
		return vector{}
	}
	return vector{of: of, at: of.Vector(place), left: of.VectorLen(place)}
}

// next takes a pair off.
func (v *vector) next() (first, second int64, err error) {
	if v.left == 0 {
		return 0, 0, errors.New("the batch does not have it")
	}
	first, second = v.of.GetInt64(v.at), v.of.GetInt64(v.at+structBytes/2)
	v.at, v.left = v.at+structBytes, v.left-1
	return first, second, nil
}
