package flat

// Orders of the pages of a column.
const (
	orderNone      = 0
	orderAscending = 1
)

// index writes the page index: where bounds of all pages are known, a ColumnIndex, and an OffsetIndex for every column.
func (w *Writer) index() error {
	for _, g := range w.groups {
		for i := range g.chunks {
			if !g.chunks[i].bounds.known {
				continue
			}
			if err := w.put(&g.chunks[i].columnIndex, g.chunks[i].columnIndexOf(w.columns[i].order)); err != nil {
				return err
			}
		}
	}
	for _, g := range w.groups {
		for i := range g.chunks {
			if err := w.put(&g.chunks[i].offsetIndex, g.chunks[i].offsetIndexOf()); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *Writer) put(at *span, spelled []byte) error {
	*at = span{w.to.bytes, int64(len(spelled))}
	return w.to.write(spelled)
}

func (w *chunk) columnIndexOf(order func(x, y []byte) int) []byte {
	var c compact
	c.list(1, thriftTrue, len(w.pages))
	for _, p := range w.pages {
		c.out = append(c.out, truth(!p.bounds.known))
	}
	c.list(2, thriftBinary, len(w.pages))
	for _, p := range w.pages {
		c.bytes(p.bounds.min)
	}
	c.list(3, thriftBinary, len(w.pages))
	for _, p := range w.pages {
		c.bytes(p.bounds.max)
	}
	c.i32(4, w.ascends(order))
	c.list(5, thriftI64, len(w.pages))
	for _, p := range w.pages {
		c.varint(int64(p.nulls))
	}
	c.stop()
	return c.out
}

// ascends compares the bounds of pages with values.
func (w *chunk) ascends(order func(x, y []byte) int) int32 {
	var last bounds
	for _, p := range w.pages {
		if !p.bounds.known {
			continue
		}
		if last.known && (order(last.min, p.bounds.min) > 0 || order(last.max, p.bounds.max) > 0) {
			return orderNone
		}
		last = p.bounds
	}
	return orderAscending
}

func (w *chunk) offsetIndexOf() []byte {
	var c compact
	c.list(1, thriftStruct, len(w.pages))
	for _, p := range w.pages {
		c.element()
		c.i64(1, p.offset)
		c.i32(2, int32(p.size))
		c.i64(3, p.firstRow)
		c.end()
	}
	c.stop()
	return c.out
}
