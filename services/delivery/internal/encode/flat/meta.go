package flat

import "slices"

// chunk spells a ColumnChunk.
func (c *column) chunk(to *compact, w chunk) {
	to.element()
	to.i64(2, 0) // deprecated, and required
	to.begin(3)
	c.meta(to, w)
	to.end()
	if w.offsetIndex.size > 0 {
		to.i64(4, w.offsetIndex.offset)
		to.i32(5, int32(w.offsetIndex.size))
	}
	if w.columnIndex.size > 0 {
		to.i64(6, w.columnIndex.offset)
		to.i32(7, int32(w.columnIndex.size))
	}
	to.end()
}

// meta spells a ColumnMetaData.
func (c *column) meta(to *compact, w chunk) {
	values := int64(0)
	for _, p := range w.pages {
		values += int64(p.rows)
	}
	to.i32(1, int32(c.leaf.kind))
	c.encodings(to, w)
	to.list(3, thriftBinary, 1)
	to.bytes([]byte(c.leaf.name))
	to.i32(4, int32(c.codec))
	to.i64(5, values)
	to.i64(6, w.raw)
	to.i64(7, w.size)
	to.i64(9, w.data)
	if w.dictionary > 0 {
		to.i64(11, w.dictionary)
	}
	to.begin(12)
	statistics(to, w)
	to.end()
	to.list(13, thriftStruct, len(w.uses))
	for _, u := range w.uses {
		to.element()
		to.i32(1, int32(u.kind))
		to.i32(2, int32(u.encoding))
		to.i32(3, u.pages)
		to.end()
	}
}

// encodings lists what a reader must know: those of levels, which are RLE, and of values.
func (c *column) encodings(to *compact, w chunk) {
	seen := []encoding{rle}
	for _, u := range w.uses {
		if !slices.Contains(seen, u.encoding) {
			seen = append(seen, u.encoding)
		}
	}
	to.list(2, thriftI32, len(seen))
	for _, e := range seen {
		to.varint(int64(e))
	}
}

// statistics spells a Statistics.
func statistics(to *compact, w chunk) {
	to.i64(3, w.nulls)
	if !w.bounds.known {
		return
	}
	to.binary(5, w.bounds.max)
	to.binary(6, w.bounds.min)
	to.bool(7, !w.bounds.cutMax)
	to.bool(8, !w.bounds.cutMin)
}
