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
}

func (d *textDictionary) begin() {
	d.slots.begin()
	d.marks.begin()
	d.forget()
}

func (d *textDictionary) forget() {
	d.keys, d.ends, d.data = d.keys[:0], d.ends[:0], d.data[:0]
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

// index appends the indexes of texts of the page in the making, which lie between offsets. Nearly all are found at the first
// look, which is here and not a call.
func (d *textDictionary) index(indexes []uint32, offsets []int32, data []byte) []uint32 {
	table, keys := d.table, d.keys
	for i, from := range offsets[:len(offsets)-1] {
		v := data[from:offsets[i+1]]
		key := textkey.Of(v)
		at := table[key.Hash()&uint64(len(table)-1)] - 1
		if int(at) >= len(keys) || keys[at] != key || !key.Whole() {
			at = d.find(v, key)
			table, keys = d.table, d.keys
		}
		if d.seen[at] != d.page {
			d.mark(at)
		}
		indexes = append(indexes, at)
	}
	return indexes
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
