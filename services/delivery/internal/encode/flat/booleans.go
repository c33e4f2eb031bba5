package flat

import (
	"encoding/binary"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// booleans is the filler of truth values.
type booleans struct {
	conservative bool
	page         *booleanPage
}

func (b *booleans) fits(_ arrow.Array, _, until int) int { return until }
func (b *booleans) judge()                               {}
func (b *booleans) full() bool                           { return false }
func (b *booleans) dictionary() ([]byte, int)            { return nil, 0 }

func (b *booleans) take(a arrow.Array, rows stretch) {
	if b.page == nil {
		b.page = booleanPages.get()
		b.page.conservative = b.conservative
	}
	all := bitsOf(a.(*array.Boolean))
	rows.each(func(from, until int) { b.page.trues += b.page.bits.copy(all, from, until) })
}

func bitsOf(a *array.Boolean) bitmap {
	buffer := a.Data().Buffers()[1]
	if buffer == nil {
		return bitmap{}
	}
	return bitmap{buffer.Bytes(), a.Data().Offset()}
}

func (b *booleans) cut() content {
	cut := b.page
	b.page = nil
	return cut
}

// booleanPage holds a bit for each.
type booleanPage struct {
	bits         bitBuffer
	trues        int
	conservative bool
}

var booleanPages pool[booleanPage]

func (p *booleanPage) encoding() encoding {
	if p.conservative {
		return plain
	}
	return rle
}

func (p *booleanPage) encode(dst []byte) []byte {
	if p.conservative {
		return p.bits.appendTo(dst)
	}
	// Never a run: parquet-go reads a run of true as one true and seven false.
	at := len(dst)
	dst = packedBits(append(dst, 0, 0, 0, 0), &p.bits)
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}

func (p *booleanPage) bounds() bounds {
	count := p.bits.len()
	if count == 0 {
		return bounds{}
	}
	return bounds{known: true, min: []byte{bit(p.trues == count)}, max: []byte{bit(p.trues > 0)}}
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func (p *booleanPage) free() {
	p.bits.reset()
	p.trues = 0
	booleanPages.put(p)
}
