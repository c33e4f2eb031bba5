package flat

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/apache/arrow/go/v17/arrow/decimal128"
)

// textPage holds texts one after the other, and how long each is.
type textPage struct {
	leaf         leaf
	conservative bool
	// alike texts begin as the one before does.
	alike   bool
	lengths []int32
	data    []byte
	coder   frontCoder
}

var textPages pool[textPage]

// append adds the texts between offsets, which lie beside each other.
func (p *textPage) append(offsets []int32, data []byte) {
	last := len(offsets) - 1
	p.data = append(p.data, data[offsets[0]:offsets[last]]...)
	for i, from := range offsets[:last] {
		p.lengths = append(p.lengths, offsets[i+1]-from)
	}
}

// widen adds decimals, which all have one length.
func (p *textPage) widen(values []decimal128.Num) {
	from, width := len(p.data), p.leaf.width
	p.data = slices.Grow(p.data, width*len(values))[:from+width*len(values)]
	room := p.data[from:]
	for _, v := range values {
		spellDecimal(room[:width], v)
		room = room[width:]
		p.lengths = append(p.lengths, int32(width))
	}
}

// each calls take with every text.
func (p *textPage) each(take func(v []byte)) {
	from := 0
	for _, length := range p.lengths {
		take(p.data[from : from+int(length)])
		from += int(length)
	}
}

func (p *textPage) encoding() encoding {
	switch {
	case p.conservative || p.leaf.kind == typeFixed:
		return plain
	case p.alike:
		return deltaBytes
	}
	return deltaLength
}

func (p *textPage) encode(dst []byte) []byte {
	switch p.encoding() {
	case deltaLength:
		return append(delta(dst, p.lengths), p.data...)
	case deltaBytes:
		return p.coder.encode(dst, p.data, p.lengths)
	default:
		return p.plain(dst)
	}
}

func (p *textPage) plain(dst []byte) []byte {
	if p.leaf.kind == typeFixed {
		return append(dst, p.data...)
	}
	p.each(func(v []byte) { dst = append(binary.LittleEndian.AppendUint32(dst, uint32(len(v))), v...) })
	return dst
}

// bounds compares the first eight bytes as a number, which settles nearly all.
func (p *textPage) bounds() bounds {
	if len(p.lengths) == 0 {
		return bounds{}
	}
	if p.leaf.kind == typeFixed {
		return p.fixedBounds()
	}
	low := p.data[:p.lengths[0]]
	high := low
	first := head(low)
	last, from := first, 0
	for _, length := range p.lengths {
		v := p.data[from : from+int(length)]
		from += int(length)
		head := head(v)
		if head < first || head == first && bytes.Compare(v, low) < 0 {
			low, first = v, head
		}
		if head > last || head == last && bytes.Compare(v, high) > 0 {
			high, last = v, head
		}
	}
	return shorten(low, high, p.leaf.utf8)
}

// fixedBounds compares decimals by their first and their last eight bytes, the first of which are signed.
func (p *textPage) fixedBounds() bounds {
	width := p.leaf.width
	low := p.data[:width]
	high := low
	first, then := fixedWords(low)
	last, end := first, then
	for from := width; from < len(p.data); from += width {
		v := p.data[from : from+width]
		a, b := fixedWords(v)
		if a < first || a == first && b < then {
			low, first, then = v, a, b
		}
		if a > last || a == last && b > end {
			high, last, end = v, a, b
		}
	}
	return shorten(low, high, false)
}

func fixedWords(v []byte) (first int64, last uint64) {
	return int64(binary.BigEndian.Uint64(v)), binary.BigEndian.Uint64(v[len(v)-wordBytes:])
}

// head is the first eight bytes, as a number that compares as they do.
func head(v []byte) uint64 {
	if len(v) >= 8 {
		return binary.BigEndian.Uint64(v)
	}
	var first [8]byte
	copy(first[:], v)
	return binary.BigEndian.Uint64(first[:])
}

func (p *textPage) empty() { p.lengths, p.data = p.lengths[:0], p.data[:0] }

func (p *textPage) free() {
	if cap(p.data) > 4*standard.PageBytes { // one huge text must not be kept for ever
		p.data = nil
	}
	p.empty()
	textPages.put(p)
}
