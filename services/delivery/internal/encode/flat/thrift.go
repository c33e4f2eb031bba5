package flat

import "encoding/binary"

// Kinds of values in Thrift's compact protocol.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftI8     = 3
	thriftI16    = 4
	thriftI32    = 5
	thriftI64    = 6
	thriftBinary = 8
	thriftList   = 9
	thriftStruct = 12
)

// compact writes structs in Thrift's compact protocol. Fields must come in ascending order of their ids.
type compact struct {
	out   []byte
	last  int16
	outer []int16
}

func (c *compact) header(id int16, kind byte) {
	if step := id - c.last; step > 0 && step < 16 {
		c.out = append(c.out, byte(step)<<4|kind)
	} else {
		c.out = binary.AppendVarint(append(c.out, kind), int64(id))
	}
	c.last = id
}

func (c *compact) i8(id int16, v byte) {
	c.header(id, thriftI8)
	c.out = append(c.out, v)
}

func (c *compact) i16(id int16, v int16) {
	c.header(id, thriftI16)
	c.varint(int64(v))
}

func (c *compact) i32(id int16, v int32) {
	c.header(id, thriftI32)
	c.varint(int64(v))
}

func (c *compact) i64(id int16, v int64) {
	c.header(id, thriftI64)
	c.varint(v)
}

// varint is an element of a list of integers.
func (c *compact) varint(v int64) { c.out = binary.AppendVarint(c.out, v) }

func (c *compact) bool(id int16, v bool) { c.header(id, truth(v)) }

func truth(v bool) byte {
	if v {
		return thriftTrue
	}
	return thriftFalse
}

func (c *compact) binary(id int16, v []byte) {
	c.header(id, thriftBinary)
	c.bytes(v)
}

func (c *compact) text(id int16, v string) { c.binary(id, []byte(v)) }

// bytes is an element of a list of binaries.
func (c *compact) bytes(v []byte) {
	c.out = append(binary.AppendUvarint(c.out, uint64(len(v))), v...)
}

// list announces so many elements, which follow.
func (c *compact) list(id int16, kind byte, count int) {
	c.header(id, thriftList)
	if count < 15 {
		c.out = append(c.out, byte(count)<<4|kind)
		return
	}
	c.out = binary.AppendUvarint(append(c.out, 0xF0|kind), uint64(count))
}

// begin opens a field that is a struct.
func (c *compact) begin(id int16) {
	c.header(id, thriftStruct)
	c.element()
}

// element opens a struct that is an element of a list.
func (c *compact) element() {
	c.outer, c.last = append(c.outer, c.last), 0
}

// end closes the innermost struct.
func (c *compact) end() {
	c.stop()
	n := len(c.outer) - 1
	c.outer, c.last = c.outer[:n], c.outer[n]
}

// stop ends the struct that is not in another.
func (c *compact) stop() { c.out = append(c.out, 0) }
