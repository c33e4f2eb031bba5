package flat

import (
	"encoding/binary"
	"math/bits"
	"sort"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
)

// texts is the filler of texts and bytes, and of decimals of more than 18 digits, which are bytes of one length.
type texts struct {
	leaf         leaf
	bounded      Bounds
	conservative bool
	alike        bool // as the row group's pages
	page         *textPage
	dictionaryOf textDictionary
	indexes      *indexPage // not nil while the dictionary is in use
}

func newTexts(l leaf, o Options) *texts {
	t := &texts{leaf: l, bounded: o.Bounds, conservative: o.Profile == Conservative}
	t.dictionaryOf.compare = l.compare()
	t.page = t.fresh()
	return t
}

func (t *texts) fresh() *textPage {
	p := textPages.get()
	p.leaf, p.conservative, p.alike = t.leaf, t.conservative, t.alike
	return p
}

// wide is what arrays of texts and of bytes have in common.
type wide interface{ ValueOffsets() []int32 }

func (t *texts) fits(a arrow.Array, from, until int) int {
	w, ok := a.(wide)
	if !ok {
		return until
	}
	offsets := w.ValueOffsets()
	most := int(offsets[from]) + max(0, t.bounded.PageBytes-len(t.page.data))
	return from + max(1, sort.Search(until-from, func(i int) bool { return int(offsets[from+i+1]) > most }))
}

func (t *texts) take(a arrow.Array, rows stretch) {
	if d, ok := a.(*array.Decimal128); ok {
		t.decimals(d.Values(), rows)
	} else if rows.values() > 0 {
		t.texts(a.(wide).ValueOffsets(), bytesOf(a), rows)
	}
}

func (t *texts) texts(offsets []int32, data []byte, rows stretch) {
	rows.each(func(from, until int) {
		if t.indexes == nil {
			t.page.append(offsets[from:until+1], data)
			return
		}
		t.indexes.values = t.dictionaryOf.index(t.indexes.values, offsets[from:until+1], data)
	})
}

func (t *texts) decimals(all []decimal128.Num, rows stretch) {
	var spelled [wordBytes * 2]byte
	rows.each(func(from, until int) {
		if t.indexes == nil {
			t.page.widen(all[from:until])
			return
		}
		for _, v := range all[from:until] {
			spellDecimal(spelled[:t.leaf.width], v)
			t.look(spelled[:t.leaf.width])
		}
	})
}

const wordBytes = 8

// spellDecimal fills 9 to 16 bytes with big-endian two's complement, of two words that overlap.
func spellDecimal(into []byte, v decimal128.Num) {
	shift := 8 * (2*wordBytes - len(into))
	binary.BigEndian.PutUint64(into, uint64(v.HighBits())<<shift|v.LowBits()>>(64-shift))
	binary.BigEndian.PutUint64(into[len(into)-wordBytes:], v.LowBits())
}

// look adds the index of a text.
func (t *texts) look(v []byte) {
	t.indexes.values = t.dictionaryOf.index(t.indexes.values, []int32{0, int32(len(v))}, v)
}

// bytesOf is the whole buffer that a column's offsets point into.
func bytesOf(a arrow.Array) []byte {
	buffer := a.Data().Buffers()[2]
	if buffer == nil {
		return nil
	}
	return buffer.Bytes()
}

// judge looks whether texts begin as the ones before them, and begins a dictionary where it and its indexes are clearly smaller
// than the texts.
func (t *texts) judge() {
	count, distinct := len(t.page.lengths), t.dictionaryOf.count(t.page)
	if count == 0 {
		return
	}
	t.alike = alike(t.page.data, t.page.lengths)
	t.page.alike = t.alike
	raw := 8 * len(t.page.data)
	if 4*(count*(bits.Len(uint(distinct))+1)+raw/count*distinct) > 3*raw {
		return
	}
	t.dictionaryOf.begin()
	t.indexes = newIndexPage(t.conservative)
	t.page.each(t.look)
	t.page.empty()
}

func (t *texts) full() bool {
	if t.indexes != nil {
		return t.dictionaryOf.size() > t.bounded.DictionaryBytes
	}
	return len(t.page.data) >= t.bounded.PageBytes
}

func (t *texts) cut() content {
	if t.indexes == nil {
		cut := t.page
		t.page = t.fresh()
		return cut
	}
	cut := t.indexes
	cut.width, cut.known = widthOf(uint32(len(t.dictionaryOf.ends)-1)), t.bounds()
	t.indexes = nil
	if t.dictionaryOf.size() <= t.bounded.DictionaryBytes {
		t.indexes = newIndexPage(t.conservative)
	}
	return cut
}

func (t *texts) bounds() bounds {
	d := &t.dictionaryOf
	defer d.next()
	if !d.any {
		return bounds{}
	}
	return shorten(d.text(d.low), d.text(d.high), t.leaf.utf8)
}

func (t *texts) dictionary() ([]byte, int) {
	t.indexes.free()
	t.indexes = nil
	values, count := t.dictionaryOf.plain(nil, t.leaf.kind == typeFixed), len(t.dictionaryOf.ends)
	t.dictionaryOf.forget()
	return values, count
}
