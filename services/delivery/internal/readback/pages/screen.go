package pages

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/parquet-go/parquet-go/format"
)

// plainDictionary is how dictionaries and what refers to them were spelled first, and are in conservative files.
const plainDictionary format.Encoding = 2

// screen holds what an encoding claims against how many values there are, because decoders make room for what is claimed.
func (p *packed) screen(e format.Encoding, data []byte, values int) error {
	var err error
	switch e {
	case format.Plain, format.ByteStreamSplit:
		return nil // as many values as there are bytes for
	case format.RLE:
		err = screenBooleans(data, values)
	case format.RLEDictionary, plainDictionary:
		if !p.dictionary {
			return errors.New("its values are in a dictionary that is not there")
		}
		if len(data) > 0 {
			err = screenRuns(data[1:], int(data[0]), values)
		}
	case format.DeltaBinaryPacked:
		_, err = screenDeltas(data, values)
	case format.DeltaLengthByteArray:
		err = screenLengths(data, values)
	case format.DeltaByteArray:
		err = p.screenCommon(data, values)
	default:
		return fmt.Errorf("its encoding %s is none of ours", e)
	}
	if err != nil {
		return fmt.Errorf("its values: %w", err)
	}
	return nil
}

var errClaims = errors.New("more are claimed than there are")

// prefixed cuts off what has its length before it.
func prefixed(data []byte) (head, rest []byte, err error) {
	if len(data) < 4 {
		return nil, nil, errCut
	}
	length := uint64(binary.LittleEndian.Uint32(data))
	if data = data[4:]; length > uint64(len(data)) {
		return nil, nil, errCut
	}
	return data[:length], data[length:], nil
}

func screenBooleans(data []byte, values int) error {
	runs, _, err := prefixed(data)
	if err != nil {
		return err
	}
	return screenRuns(runs, 1, values)
}

// screenRuns goes through runs of the hybrid of run lengths and packed bits. Packed ones come in eights, so the last may
// hold more than there are.
func screenRuns(data []byte, width, values int) error {
	const maxWidth = 32
	if width > maxWidth {
		return fmt.Errorf("%d bits are no width", width)
	}
	for left := uint64(values); len(data) > 0; {
		head, n := binary.Uvarint(data)
		if n <= 0 {
			return errCut
		}
		data = data[n:]
		count, bytes := head>>1, uint64(width+7)/8
		if head&1 == 1 {
			if count > (left+7)/8 {
				return errClaims
			}
			count, bytes = 8*count, uint64(width)*count
		}
		if count >= left+8 {
			return errClaims
		}
		if bytes > uint64(len(data)) {
			return errCut
		}
		data, left = data[bytes:], left-min(left, count)
	}
	return nil
}

// screenDeltas goes through the blocks of DELTA_BINARY_PACKED and returns how many bytes they have.
func screenDeltas(data []byte, values int) (int, error) {
	from := cursor{data: data}
	block, minis, total := from.uvarint(), from.uvarint(), from.uvarint()
	from.uvarint() // the first value
	if from.cut {
		return 0, errCut
	}
	if block == 0 || block%128 != 0 || block > 1<<16 || minis == 0 || minis > block/32 || block%minis != 0 || block/minis%32 != 0 {
		return 0, fmt.Errorf("%d in %d are no blocks", block, minis)
	}
	if total > uint64(values) {
		return 0, errClaims
	}
	for left := int64(total) - 1; left > 0; {
		from.uvarint() // the least delta
		left = from.block(left, int64(block/minis), int(minis))
		if from.cut {
			return 0, errCut
		}
	}
	return from.at, nil
}

func screenLengths(data []byte, values int) error {
	if values == 0 && len(data) == 0 {
		return nil
	}
	_, err := screenDeltas(data, values)
	return err
}

// screenCommon goes through texts that leave out what they have in common with the one before. What each has is added up,
// because a few bytes may claim many long texts.
func (p *packed) screenCommon(data []byte, values int) (err error) {
	if values == 0 && len(data) == 0 {
		return nil
	}
	end, err := screenDeltas(data, values)
	if err != nil {
		return err
	}
	if p.common, err = p.deltas.DecodeInt32(p.common[:0], data[:end]); err != nil {
		return err
	}
	size := int64(len(data))
	for _, common := range p.common {
		size += int64(uint32(common)) // one below nothing is large
	}
	if size > int64(p.file.limits.PageBytes) {
		return fmt.Errorf("%w: texts of %d bytes", errClaims, size)
	}
	return screenLengths(data[end:], values)
}

// cursor reads on until there is nothing left.
type cursor struct {
	data []byte
	at   int
	cut  bool
}

func (c *cursor) uvarint() uint64 {
	v, n := binary.Uvarint(c.data[c.at:])
	if n <= 0 {
		c.cut = true
		return 0
	}
	c.at += n
	return v
}

// block passes the miniblocks of a block, each of so many deltas, and returns how many deltas are left. The last one needs
// not be whole where nobody reads on.
func (c *cursor) block(left, each int64, minis int) int64 {
	if c.at+minis > len(c.data) {
		c.cut = true
		return 0
	}
	widths := c.data[c.at : c.at+minis]
	c.at += minis
	for _, width := range widths {
		if left <= 0 {
			break
		}
		bytes := int(each) * int(width) / 8
		if width > 64 || bytes > len(c.data)-c.at {
			c.cut = true
			return 0
		}
		c.at += bytes
		left -= each
	}
	return left
}
