package readback

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/minio/crc64nvme"

	"github.com/customer-exports/exports/services/delivery/internal/readback/pages"
)

// none is what a row without a value has in the place of its length; lengthBytes is what a length takes.
const (
	none        = -1
	lengthBytes = 4
)

// even counts the lengths of a page of a column whose values all have the same.
func (c *counter) even(p *pages.Page, width int) {
	if p.Levels != nil {
		c.lengths = resized(c.lengths, lengthBytes*p.Rows)
		lengths := c.lengths
		for _, level := range p.Levels {
			length := int32(level)*int32(width-none) + none // without a branch, which nulls here and there make dear
			binary.LittleEndian.PutUint32(lengths, uint32(length))
			lengths = lengths[lengthBytes:]
		}
		c.shape = crc64nvme.Update(c.shape, c.lengths)
		return
	}
	same := c.same[width]
	for len(same) < lengthBytes*p.Rows {
		same = binary.LittleEndian.AppendUint32(same, uint32(width))
	}
	c.same[width] = same
	c.shape = crc64nvme.Update(c.shape, same[:lengthBytes*p.Rows])
}

// uneven counts the lengths of a page, given those of the rows that have a value.
func (c *counter) uneven(p *pages.Page, present []byte) {
	if p.Levels == nil {
		c.shape = crc64nvme.Update(c.shape, present)
		return
	}
	c.lengths = resized(c.lengths, lengthBytes*p.Rows)
	lengths := c.lengths
	for _, level := range p.Levels {
		length := uint32(math.MaxUint32)
		if level == 1 {
			length, present = binary.LittleEndian.Uint32(present), present[lengthBytes:]
		}
		binary.LittleEndian.PutUint32(lengths, length)
		lengths = lengths[lengthBytes:]
	}
	c.shape = crc64nvme.Update(c.shape, c.lengths)
}

func resized(room []byte, size int) []byte { return slices.Grow(room[:0], size)[:size] }
