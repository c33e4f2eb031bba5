package readback

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/minio/crc64nvme"
	"github.com/parquet-go/parquet-go/encoding"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/services/delivery/internal/readback/pages"
)

// take counts a page, whose rows come after those of the page before.
func (c *counter) take(p *pages.Page) error {
	c.nulls += int64(p.Nulls)
	if c.kind.Kind == dictionary.KindNumber {
		return c.numbers(p)
	}
	switch p.Values.Kind() {
	case encoding.Boolean:
		c.booleans(p)
	case encoding.Int32:
		c.raw(p, 4)
	case encoding.Int64:
		c.raw(p, 8)
	case encoding.Double:
		each(p, p.Values.Double(), c.doubles)
		c.even(p, 8)
	case encoding.ByteArray:
		c.texts(p)
	default:
		return fmt.Errorf("values of type %s are none of ours", p.Values.Kind())
	}
	return nil
}

// block is how many values are looked at together, which leaves them in the processor's nearest cache.
const block = 1024

// each hands over the values of the rows that have one, some at a time and in order.
func each[T any](p *pages.Page, all []T, take func(some []T)) {
	if p.Indexes == nil {
		for some := range slices.Chunk(all[:p.Present()], block) {
			take(some)
		}
		return
	}
	var room [block]T
	for indexes := range slices.Chunk(p.Indexes, block) {
		for i, index := range indexes {
			room[i] = all[index]
		}
		take(room[:len(indexes)])
	}
}

// gather returns room for so many bytes, and counts them once it is left.
func (c *counter) gather(bytes int, fill func(room []byte)) {
	c.room = resized(c.room, bytes)
	fill(c.room)
	c.values = crc64nvme.Update(c.values, c.room)
}

// raw takes values that count as they are.
func (c *counter) raw(p *pages.Page, width int) {
	defer c.even(p, width)
	all, _ := p.Values.Data()
	if p.Indexes == nil {
		c.values = crc64nvme.Update(c.values, all[:width*p.Present()])
		return
	}
	for indexes := range slices.Chunk(p.Indexes, block) {
		c.gather(width*len(indexes), func(room []byte) {
			for i, index := range indexes {
				copy(room[width*i:width*i+width], all[width*int(index):])
			}
		})
	}
}

// doubles counts one NaN for all.
func (c *counter) doubles(some []float64) {
	const nan = 0x7ff8000000000001
	c.gather(8*len(some), func(room []byte) {
		for i, v := range some {
			bits := math.Float64bits(v)
			if v != v {
				bits = nan
			}
			binary.LittleEndian.PutUint64(room[8*i:], bits)
		}
	})
}

// booleans counts a byte each.
func (c *counter) booleans(p *pages.Page) {
	packed := p.Values.Boolean()
	for from := 0; from < p.Present(); from += block {
		c.gather(min(block, p.Present()-from), func(room []byte) {
			for i := range room {
				room[i] = packed[(from+i)/8] >> ((from + i) % 8) & 1
			}
		})
	}
	c.even(p, 1)
}
