package readback

import (
	"encoding/binary"

	"github.com/minio/crc64nvme"

	"github.com/customer-exports/exports/services/delivery/internal/readback/pages"
)

// texts takes text and bytes.
func (c *counter) texts(p *pages.Page) {
	data, offsets := p.Values.ByteArray()
	c.present = resized(c.present, lengthBytes*p.Present())
	if p.Indexes == nil {
		c.beside(data, offsets)
	} else {
		c.lookedUp(data, offsets, p.Indexes)
	}
	c.uneven(p, c.present)
}

// beside takes texts that lie one after the other.
func (c *counter) beside(data []byte, offsets []uint32) {
	if len(c.present) == 0 {
		return
	}
	from, lengths := offsets[0], c.present
	for _, until := range offsets[1:] {
		binary.LittleEndian.PutUint32(lengths, until-from)
		from, lengths = until, lengths[lengthBytes:]
	}
	c.values = crc64nvme.Update(c.values, data[offsets[0]:from])
}

// gatherBytes is how much is gathered before it is counted; stepBytes is what most texts of a dictionary are shorter than.
const (
	gatherBytes = 32 << 10
	stepBytes   = 32
)

// lookedUp takes texts of a dictionary. A short one is copied with what follows it, in one step, and the next one is written
// over what was too much.
func (c *counter) lookedUp(data []byte, offsets []uint32, indexes []int32) {
	c.room = resized(c.room, gatherBytes+stepBytes)
	lengths, at := c.present, 0
	for _, index := range indexes {
		from := int(offsets[index])
		size := int(offsets[index+1]) - from
		binary.LittleEndian.PutUint32(lengths, uint32(size))
		lengths = lengths[lengthBytes:]
		if at+size > gatherBytes {
			at = c.flush(at)
		}
		switch {
		case size <= stepBytes && from+stepBytes <= len(data):
			*(*[stepBytes]byte)(c.room[at:]) = [stepBytes]byte(data[from:])
		case size <= gatherBytes:
			copy(c.room[at:], data[from:from+size])
		default:
			c.values = crc64nvme.Update(c.values, data[from:from+size])
			continue
		}
		at += size
	}
	c.flush(at)
}

// flush counts what was gathered, and returns where to go on.
func (c *counter) flush(gathered int) int {
	c.values = crc64nvme.Update(c.values, c.room[:gathered])
	return 0
}
