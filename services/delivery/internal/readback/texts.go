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
	from := offsets[0]
	for i, until := range offsets[1:] {
		binary.LittleEndian.PutUint32(c.present[lengthBytes*i:], until-from)
		from = until
	}
	c.values = crc64nvme.Update(c.values, data[offsets[0]:from])
}

// gatherBytes is how much is gathered before it is counted, more than which a longer text never is.
const gatherBytes = 64 << 10

// lookedUp takes texts of a dictionary.
func (c *counter) lookedUp(data []byte, offsets []uint32, indexes []int32) {
	c.room = c.room[:0]
	for i, index := range indexes {
		text := data[offsets[index]:offsets[index+1]]
		binary.LittleEndian.PutUint32(c.present[lengthBytes*i:], uint32(len(text)))
		if c.room = append(c.room, text...); len(c.room) >= gatherBytes {
			c.flush()
		}
	}
	c.flush()
}

// flush counts what was gathered.
func (c *counter) flush() {
	c.values = crc64nvme.Update(c.values, c.room)
	c.room = c.room[:0]
}
