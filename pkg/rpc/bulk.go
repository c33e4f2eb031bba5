package rpc

import (
	"sync"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// Bulk is one message in wire form. A stream that moves gigabytes passes it to SendMsg and RecvMsg in place of the message
// itself: what is sent is not copied, and what comes is copied once, into memory that is used again. It belongs to messages
// that hold one bytes field and nothing else; the zero value is ready to receive. It is not safe for concurrent use.
type Bulk struct {
	wire   mem.BufferSlice
	strict bool
}

// NewBulk is the message with one bytes field, whose value comes in pieces. Sending spends it: the pieces are read meanwhile and
// afterwards, until done is called, once.
func NewBulk(field protowire.Number, pieces [][]byte, done func()) *Bulk {
	size := 0
	for _, piece := range pieces {
		size += len(piece)
	}
	prefix := protowire.AppendTag(nil, field, protowire.BytesType)
	prefix = protowire.AppendVarint(prefix, uint64(size))
	return &Bulk{wire: append(mem.BufferSlice{mem.SliceBuffer(prefix)}, lend(pieces, done)...)}
}

// spend hands the wire form over to gRPC, which frees it.
func (b *Bulk) spend() mem.BufferSlice {
	wire := b.wire
	b.wire = nil
	return wire
}

// fill takes what came in place of what it held.
func (b *Bulk) fill(data mem.BufferSlice) {
	b.Free()
	whole := received.Get(data.Len())
	data.CopyTo(*whole)
	b.wire = mem.BufferSlice{mem.NewBuffer(whole, received)}
}

// bytes is the wire form of what came.
func (b *Bulk) bytes() []byte {
	if len(b.wire) == 0 {
		return nil
	}
	return b.wire[0].ReadOnlyData()
}

// Value is the bytes field of what came, valid until the next one comes or Free; false when the message holds anything else.
func (b *Bulk) Value(field protowire.Number) ([]byte, bool) {
	data := b.bytes()
	number, kind, tag := protowire.ConsumeTag(data)
	if tag < 0 || number != field || kind != protowire.BytesType {
		return nil, false
	}
	value, size := protowire.ConsumeBytes(data[tag:])
	return value, size == len(data)-tag
}

// Decode decodes what came as the message that it is, and checks it as every request is checked.
func (b *Bulk) Decode(message proto.Message) error {
	if err := proto.Unmarshal(b.bytes(), message); err != nil {
		return undecodable(err, b.bytes(), message)
	}
	return check(message, b.strict)
}

// Free gives back the memory of what came.
func (b *Bulk) Free() {
	b.wire.Free()
	b.wire = nil
}

// received is where the memory of what comes is from: what a record batch of about 1 MiB takes. Nothing in it is cleared.
var received mem.BufferPool = &buffers{bytes: 1<<20 + 128<<10}

// frames is where gRPC has its own memory from, for HTTP/2 frames, which it takes up to 16 KiB long. gRPC would clear them
// before it reads into them.
var frames mem.BufferPool = &buffers{bytes: 16 << 10}

// buffers holds buffers that are all about as long.
type buffers struct {
	bytes int
	idle  sync.Pool
}

// Get returns a buffer with length bytes of any content.
func (p *buffers) Get(length int) *[]byte {
	idle, ok := p.idle.Get().(*[]byte)
	if !ok || cap(*idle) < length {
		fresh := make([]byte, length, max(length, p.bytes))
		return &fresh
	}
	*idle = (*idle)[:length]
	return idle
}

// Put takes a buffer back, unless it is much longer or shorter than the others.
func (p *buffers) Put(buffer *[]byte) {
	if size := cap(*buffer); size >= p.bytes && size <= 2*p.bytes {
		p.idle.Put(buffer)
	}
}
