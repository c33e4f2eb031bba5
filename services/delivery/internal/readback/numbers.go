package readback

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/parquet-go/parquet-go/encoding"

	"github.com/customer-exports/exports/services/delivery/internal/readback/pages"
)

// shortBytes is how a number of up to 18 digits counts, and wideBytes how a longer one does.
const (
	shortBytes = 8
	wideBytes  = 16
)

// numbers takes a NUMBER column in any of the three forms that one may have.
func (c *counter) numbers(p *pages.Page) error {
	switch p.Values.Kind() {
	case encoding.Int32:
		each(p, p.Values.Int32(), func(some []int32) { shorts(c, some) })
		c.even(p, shortBytes)
	case encoding.Int64:
		each(p, p.Values.Int64(), func(some []int64) { shorts(c, some) })
		c.even(p, shortBytes)
	case encoding.FixedLenByteArray:
		c.even(p, wideBytes)
		return c.longs(p)
	default:
		return fmt.Errorf("values of type %s are no numbers of ours", p.Values.Kind())
	}
	return nil
}

// shorts takes numbers of 4 or 8 bytes.
func shorts[T int32 | int64](c *counter, some []T) {
	c.gather(shortBytes*len(some), func(room []byte) {
		for i, v := range some {
			binary.LittleEndian.PutUint64(room[shortBytes*i:], uint64(v))
		}
	})
	var low, high, carry uint64
	for _, v := range some {
		low, carry = bits.Add64(low, uint64(v), 0)
		high += uint64(int64(v)>>63) + carry
	}
	c.sum.add(low, high)
}

// longs takes big-endian two's complement of 8 to 16 bytes: what is shorter lands as INT64.
func (c *counter) longs(p *pages.Page) error {
	all, size := p.Values.FixedLenByteArray()
	if size < 8 || size > wideBytes {
		return fmt.Errorf("a number of %d bytes", size)
	}
	var low, high [block]uint64
	for from := 0; from < p.Present(); from += block {
		some := min(block, p.Present()-from)
		for i := range some {
			at := size * p.Entry(from+i)
			low[i], high[i] = words(all[at : at+size])
		}
		c.wides(low[:some], high[:some])
	}
	return nil
}

func (c *counter) wides(low, high []uint64) {
	c.gather(wideBytes*len(low), func(room []byte) {
		for i := range low {
			binary.LittleEndian.PutUint64(room[wideBytes*i:], low[i])
			binary.LittleEndian.PutUint64(room[wideBytes*i+8:], high[i])
			c.sum.add(low[i], high[i])
		}
	})
}

// words widens a number by its sign.
func words(number []byte) (low, high uint64) {
	first := binary.BigEndian.Uint64(number)
	if size := len(number); size > 8 {
		return binary.BigEndian.Uint64(number[size-8:]), uint64(int64(first) >> (8 * (wideBytes - size)))
	}
	return first, uint64(int64(first) >> 63)
}
