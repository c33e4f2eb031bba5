package flat

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// doubles is the filler of floating-point numbers. They have no dictionary: measurements seldom repeat.
type doubles struct {
	split bool
	page  *doublePage
}

func (d *doubles) fits(_ arrow.Array, _, until int) int { return until }
func (d *doubles) judge()                               {}
func (d *doubles) full() bool                           { return false }
func (d *doubles) dictionary() ([]byte, int)            { return nil, 0 }

func (d *doubles) take(a arrow.Array, rows stretch) {
	if d.page == nil {
		d.page = doublePages.get()
		d.page.split = d.split
	}
	all := a.(*array.Float64).Float64Values()
	rows.each(func(from, until int) { d.page.values = append(d.page.values, all[from:until]...) })
}

func (d *doubles) cut() content {
	cut := d.page
	d.page = nil
	return cut
}

// doublePage holds them as they are.
type doublePage struct {
	values []float64
	split  bool
}

var doublePages pool[doublePage]

func (p *doublePage) encoding() encoding {
	if p.split {
		return splitStream
	}
	return plain
}

func (p *doublePage) encode(dst []byte) []byte {
	if !p.split {
		return append(dst, arrow.Float64Traits.CastToBytes(p.values)...)
	}
	n := len(p.values)
	at := len(dst)
	dst = slices.Grow(dst, 8*n)[:at+8*n]
	for i, v := range p.values {
		bits := math.Float64bits(v)
		for stream := range 8 {
			dst[at+stream*n+i] = byte(bits >> (8 * stream))
		}
	}
	return dst
}

// bounds are none where there is a NaN, about whose place engines disagree. A zero stands for both.
func (p *doublePage) bounds() bounds {
	if len(p.values) == 0 {
		return bounds{}
	}
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range p.values {
		if math.IsNaN(v) {
			return bounds{}
		}
		low, high = min(low, v), max(high, v)
	}
	if low == 0 {
		low = math.Copysign(0, -1)
	}
	if high == 0 {
		high = 0
	}
	return bounds{known: true, min: spellDouble(low), max: spellDouble(high)}
}

func spellDouble(v float64) []byte {
	return binary.LittleEndian.AppendUint64(nil, math.Float64bits(v))
}

func (p *doublePage) free() {
	p.values = p.values[:0]
	doublePages.put(p)
}
