package flat

import (
	"encoding/binary"
	"hash/crc32"
)

// page is one page of a column, from the cut until it is in the file.
type page struct {
	kind     pageType
	encoding encoding
	rows     int
	nulls    int
	bounds   bounds
	header   []byte
	body     *buffer // levels and values, compressed
	unpacked int     // bytes of the body before compression
	err      error
}

// size in the file, header included.
func (p *page) size() int64 { return int64(len(p.header) + len(p.body.bytes)) }

// raw is the size before compression, header included.
func (p *page) raw() int64 { return int64(len(p.header) + p.unpacked) }

// scratch is what finishing a page needs besides.
type scratch struct{ raw, packed []byte }

var scratches pool[scratch]

// finish makes a data page of what a column took. It runs beside others.
func (c *column) finish(p *page, taken content, present *bitBuffer) {
	defer c.caught(&p.err)
	s := scratches.get()
	defer scratches.put(s)
	s.raw = s.raw[:0]
	if c.leaf.nullable {
		s.raw = c.appendLevels(s.raw, present, p.nulls)
	}
	levels := len(s.raw)
	s.raw = taken.encode(s.raw)
	p.encoding, p.bounds, p.unpacked = taken.encoding(), taken.bounds(), len(s.raw)
	taken.free()
	if p.kind == dataPageV2 {
		c.seal(p, s, levels)
	} else {
		p.body = keep(c.compress(s))
		p.header = p.head(0, true)
	}
}

// seal ends a page of version 2: its levels are not compressed, and its values only where that shrinks them.
func (c *column) seal(p *page, s *scratch, levels int) {
	values, shrunk := s.raw[levels:], false
	if c.press != nil && (c.tries.Add(1)%tryEvery == 0 || !c.hopeless.Load()) {
		s.packed = c.press(s.packed, values)
		shrunk = len(s.packed) < len(values)-len(values)/minGain
		c.hopeless.Store(!shrunk)
	}
	if shrunk {
		values = s.packed
	}
	p.body = keep(s.raw[:levels], values)
	p.header = p.head(levels, shrunk)
}

// compress packs all of a page.
func (c *column) compress(s *scratch) []byte {
	if c.press == nil {
		return s.raw
	}
	s.packed = c.press(s.packed, s.raw)
	return s.packed
}

// appendLevels has their length before them in pages of version 1.
func (c *column) appendLevels(dst []byte, present *bitBuffer, nulls int) []byte {
	at := len(dst)
	if c.conservative {
		dst = append(dst, 0, 0, 0, 0)
	}
	dst = levels(dst, present, nulls)
	if c.conservative {
		binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	}
	present.reset()
	bitBuffers.put(present)
	return dst
}

const (
	// minGain is the least part of a page that compression has to save to be worth a reader's time.
	minGain = 32
	// tryEvery is how many pages of a column that did not shrink pass before one is tried again.
	tryEvery = 16
)

// head spells the PageHeader.
func (p *page) head(levels int, compressed bool) []byte {
	var c compact
	c.i32(1, int32(p.kind))
	c.i32(2, int32(p.unpacked))
	c.i32(3, int32(len(p.body.bytes)))
	c.i32(4, int32(crc32.ChecksumIEEE(p.body.bytes)))
	switch p.kind {
	case dataPage:
		c.begin(5)
		c.i32(1, int32(p.rows))
		c.i32(2, int32(p.encoding))
		c.i32(3, int32(rle))
		c.i32(4, int32(rle))
	case dictionaryPage:
		c.begin(7)
		c.i32(1, int32(p.rows))
		c.i32(2, int32(p.encoding))
	case dataPageV2:
		c.begin(8)
		c.i32(1, int32(p.rows))
		c.i32(2, int32(p.nulls))
		c.i32(3, int32(p.rows))
		c.i32(4, int32(p.encoding))
		c.i32(5, int32(levels))
		c.i32(6, 0)
		c.bool(7, compressed)
	}
	c.end()
	c.stop()
	return c.out
}
