package flat

// group is a row group in the file.
type group struct {
	rows   int64
	sorted []int
	offset int64
	chunks []chunk
}

// chunk is what the footer says of a column in a row group.
type chunk struct {
	offset, dictionary, data int64 // in the file; dictionary is 0 without one
	size, raw                int64 // bytes with and without compression, headers included
	nulls                    int64
	bounds                   bounds
	uses                     []use
	pages                    []location
	// Where the page index has it; a size is 0 when there is none.
	columnIndex, offsetIndex span
}

// use is how many pages of a kind have an encoding.
type use struct {
	kind     pageType
	encoding encoding
	pages    int32
}

// location is where a data page lies and what it holds.
type location struct {
	offset, size int64
	firstRow     int64
	rows, nulls  int
	bounds       bounds
}

type span struct {
	offset int64
	size   int64
}

// write puts a column's pages into the file and begins its next row group.
func (c *column) write(to *counter) (chunk, error) {
	c.working.Wait()
	if c.err != nil {
		return chunk{}, c.err
	}
	written := chunk{offset: to.bytes}
	row := int64(0)
	for _, p := range c.pages {
		if p.err != nil {
			return chunk{}, p.err
		}
		written.add(p, to.bytes, row)
		if err := to.write(p.header, p.body.bytes); err != nil {
			return chunk{}, err
		}
		if p.kind != dictionaryPage {
			row += int64(p.rows)
		}
		p.body.free()
	}
	written.sum(c.order)
	clear(c.pages)
	c.pages = c.pages[:0]
	return written, nil
}

// add accounts for a page that comes at an offset.
func (w *chunk) add(p *page, offset, row int64) {
	w.size, w.raw = w.size+p.size(), w.raw+p.raw()
	w.use(p.kind, p.encoding)
	if p.kind == dictionaryPage {
		w.dictionary = offset
		return
	}
	if len(w.pages) == 0 {
		w.data = offset
	}
	w.nulls += int64(p.nulls)
	w.pages = append(w.pages, location{offset, p.size(), row, p.rows, p.nulls, p.bounds})
}

func (w *chunk) use(kind pageType, e encoding) {
	for i := range w.uses {
		if w.uses[i].kind == kind && w.uses[i].encoding == e {
			w.uses[i].pages++
			return
		}
	}
	w.uses = append(w.uses, use{kind, e, 1})
}

// sum folds the bounds of the pages; there are none when one page with values has none.
func (w *chunk) sum(order func(x, y []byte) int) {
	for _, p := range w.pages {
		switch {
		case p.bounds.known:
			w.bounds.fold(p.bounds, order)
		case p.nulls < p.rows:
			w.bounds = bounds{}
			return
		}
	}
}
