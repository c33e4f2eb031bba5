package flat

import "encoding/binary"

// Versions of the format: the second has what came after the first encodings.
const (
	formatVersion1 = 1
	formatVersion2 = 2
)

// footer spells FileMetaData, its length and the magic.
func (w *Writer) footer() []byte {
	var c compact
	version, rows := int32(formatVersion2), int64(0)
	if w.options.Profile == Conservative {
		version = formatVersion1
	}
	for _, g := range w.groups {
		rows += g.rows
	}
	c.i32(1, version)
	w.describe(&c)
	c.i64(3, rows)
	c.list(4, thriftStruct, len(w.groups))
	for i, g := range w.groups {
		w.group(&c, g, i)
	}
	c.list(5, thriftStruct, len(w.options.Metadata))
	for _, pair := range w.options.Metadata {
		c.element()
		c.text(1, pair.Key)
		c.text(2, pair.Value)
		c.end()
	}
	c.text(6, w.options.CreatedBy)
	w.orders(&c)
	c.stop()
	size := len(c.out)
	return append(binary.LittleEndian.AppendUint32(c.out, uint32(size)), magic...)
}

// describe spells the schema: a root and its leaves.
func (w *Writer) describe(c *compact) {
	c.list(2, thriftStruct, 1+len(w.columns))
	c.element()
	c.i32(3, required)
	c.text(4, "schema")
	c.i32(5, int32(len(w.columns)))
	c.end()
	for _, column := range w.columns {
		c.element()
		column.leaf.describe(c)
		c.end()
	}
}

// orders says that bounds are in the order that each type defines; without that readers may not use them.
func (w *Writer) orders(c *compact) {
	c.list(7, thriftStruct, len(w.columns))
	for range w.columns {
		c.element()
		c.begin(1)
		c.end()
		c.end()
	}
}

func (w *Writer) group(c *compact, g group, ordinal int) {
	var size, raw int64
	c.element()
	c.list(1, thriftStruct, len(g.chunks))
	for i, chunk := range g.chunks {
		w.columns[i].chunk(c, chunk)
		size, raw = size+chunk.size, raw+chunk.raw
	}
	c.i64(2, raw)
	c.i64(3, g.rows)
	if len(g.sorted) > 0 {
		c.list(4, thriftStruct, len(g.sorted))
		for _, i := range g.sorted {
			c.element()
			c.i32(1, int32(i))
			c.bool(2, false)
			c.bool(3, false)
			c.end()
		}
	}
	c.i64(5, g.offset)
	c.i64(6, size)
	c.i16(7, int16(ordinal))
	c.end()
}
