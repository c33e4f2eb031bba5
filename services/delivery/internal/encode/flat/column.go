package flat

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/apache/arrow/go/v17/arrow"
)

// column is one column of a file, with the pages of the row group in the making.
type column struct {
	leaf         leaf
	conservative bool
	codec        Codec
	press        compressor
	pool         *Pool
	bounds       Bounds
	fill         filler
	order        func(x, y []byte) int

	// Of the page in the making.
	present     *bitBuffer
	rows, nulls int
	// Of the row group in the making.
	judged  bool
	pages   []*page
	err     error // that no page has
	working sync.WaitGroup
	// What pages tell each other: whether the last one shrank, and how many there were.
	hopeless atomic.Bool
	tries    atomic.Int64
}

func newColumn(l leaf, o Options, press compressor) *column {
	return &column{
		leaf: l, conservative: o.Profile == Conservative, codec: o.Codec, press: press, pool: o.Pool, bounds: o.Bounds, fill: newFiller(l, o), order: l.compare(),
	}
}

// take adds the rows of a batch.
func (c *column) take(a arrow.Array) {
	defer c.caught(&c.err)
	valid := validity(a)
	for from := 0; from < a.Len(); {
		until := c.fill.fits(a, from, min(a.Len(), from+c.room()))
		rows := stretch{from: from, until: until, valid: valid}
		rows.nulls = c.mark(rows)
		c.fill.take(a, rows)
		c.rows, c.nulls, from = c.rows+until-from, c.nulls+rows.nulls, until
		if !c.judged && c.rows >= c.bounds.SampleRows {
			c.judge()
		}
		if c.rows >= c.bounds.PageRows || c.fill.full() {
			c.cut()
		}
	}
}

// caught makes an error of a panic, which would end the process where others help.
func (c *column) caught(err *error) {
	if cause := recover(); cause != nil {
		*err = fmt.Errorf("encoding column %s: %v", c.leaf.name, cause)
	}
}

// room is how many rows the page has place for, or the sample.
func (c *column) room() int {
	if c.judged {
		return c.bounds.PageRows - c.rows
	}
	return min(c.bounds.PageRows, c.bounds.SampleRows) - c.rows
}

func (c *column) judge() {
	c.fill.judge()
	c.judged = true
}

// mark writes down which rows have a value and returns how many have none.
func (c *column) mark(rows stretch) (nulls int) {
	if !c.leaf.nullable {
		return 0
	}
	if c.present == nil {
		c.present = bitBuffers.get()
	}
	count := rows.until - rows.from
	if rows.valid.bytes == nil {
		c.present.ones(count)
		return 0
	}
	return count - c.present.copy(rows.valid, rows.from, rows.until)
}

var bitBuffers pool[bitBuffer]

// cut ends the page in the making; whoever is free finishes it.
func (c *column) cut() {
	if !c.judged {
		c.judge()
	}
	p := &page{kind: dataPageV2, rows: c.rows, nulls: c.nulls}
	if c.conservative {
		p.kind = dataPage
	}
	taken, present := c.fill.cut(), c.present
	c.pages, c.present, c.rows, c.nulls = append(c.pages, p), nil, 0, 0
	c.pool.do(&c.working, func() { c.finish(p, taken, present) })
}

// end cuts the last page of the row group, and makes its dictionary page.
func (c *column) end() {
	if c.rows > 0 {
		c.cut()
	}
	if values, count := c.fill.dictionary(); count > 0 {
		p := &page{kind: dictionaryPage, rows: count, encoding: plain, unpacked: len(values)}
		if c.conservative {
			p.encoding = dictionaryPlain
		}
		c.pages = append([]*page{p}, c.pages...)
		c.pool.do(&c.working, func() { c.finishDictionary(p, values) })
	}
	c.judged = false
}

// finishDictionary always compresses, because such a page cannot say that it is not.
func (c *column) finishDictionary(p *page, values []byte) {
	s := scratches.get()
	defer scratches.put(s)
	s.raw = append(s.raw[:0], values...)
	p.body = keep(c.compress(s))
	p.header = p.head(0, true)
}
