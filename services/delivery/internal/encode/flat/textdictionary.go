package flat

import (
	"bytes"
	"encoding/binary"

	"github.com/customer-exports/exports/pkg/textkey"
)

// textDictionary finds the index of a text.
type textDictionary struct {
	slots
	marks
	keys    []textkey.Key
	ends    []int // of each text in data
	data    []byte
	compare func(x, y []byte) int
	last    textkey.Key // the one looked up last, and its index: values come in stretches
	lastAt  uint32
}

func (d *textDictionary) begin() {
	d.slots.begin()
	d.marks.begin()
	d.forget()
}

func (d *textDictionary) forget() {
	d.keys, d.ends, d.data, d.last = d.keys[:0], d.ends[:0], d.data[:0], textkey.None
}

func (d *textDictionary) count(p *textPage) int {
	d.begin()
	p.each(func(v []byte) { d.find(v, textkey.Of(v)) })
	count := len(d.ends)
	d.forget()
	return count
}

func (d *textDictionary) size() int { return len(d.data) + 4*len(d.ends) }

func (d *textDictionary) text(i uint32) []byte {
	from := 0
	if i > 0 {
		from = d.ends[i-1]
	}
	return d.data[from:d.ends[i]]
}

// index of a text of the page in the making.
func (d *textDictionary) index(v []byte) uint32 {
	key := textkey.Of(v)
	if key != d.last || !key.Whole() {
		d.last, d.lastAt = key, d.find(v, key)
	}
	if d.seen[d.lastAt] != d.page {
		d.mark(d.lastAt)
	}
	return d.lastAt
}

func (d *textDictionary) find(v []byte, key textkey.Key) uint32 {
	mask := uint64(len(d.table) - 1)
	at := key.Hash() & mask
	for d.table[at] != 0 {
		if i := d.table[at] - 1; d.keys[i] == key && (key.Whole() || bytes.Equal(d.text(i), v)) {
			return i
		}
		at = (at + 1) & mask
	}
	return d.add(key, v, at)
}

func (d *textDictionary) add(key textkey.Key, v []byte, at uint64) uint32 {
	d.data, d.keys = append(d.data, v...), append(d.keys, key)
	d.ends, d.seen = append(d.ends, len(d.data)), append(d.seen, 0)
	d.table[at] = uint32(len(d.ends))
	if d.used++; d.crowded() {
		d.grow(len(d.ends), func(i int) uint64 { return d.keys[i].Hash() })
	}
	return uint32(len(d.ends) - 1)
}

func (d *textDictionary) mark(i uint32) {
	d.seen[i] = d.page
	if !d.any {
		d.low, d.high, d.any = i, i, true
	}
	if d.compare(d.text(i), d.text(d.low)) < 0 {
		d.low = i
	}
	if d.compare(d.text(i), d.text(d.high)) > 0 {
		d.high = i
	}
}

// plain appends the texts as plain values, each after its length unless all have the same.
func (d *textDictionary) plain(dst []byte, fixed bool) []byte {
	if fixed {
		return append(dst, d.data...)
	}
	for i := range d.ends {
		v := d.text(uint32(i))
		dst = append(binary.LittleEndian.AppendUint32(dst, uint32(len(v))), v...)
	}
	return dst
}
