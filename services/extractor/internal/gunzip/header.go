package gunzip

import (
	"encoding/binary"
	"hash/crc32"
	"io"
)

// The flags of a member's header (RFC 1952, section 2.3.1).
const (
	hasHeaderCRC = 1 << 1
	hasExtra     = 1 << 2
	hasName      = 1 << 3
	hasComment   = 1 << 4
	deflated     = 8 // the only method
)

// header reads the head of the next member, or ends the stream with io.EOF where there is none.
func (r *Reader) header() error {
	over, err := r.in.over()
	if err != nil || over {
		return ended(r.members, err)
	}
	h := heading{in: &r.in}
	fixed := h.take(10)
	if h.err != nil {
		return h.err
	}
	if fixed[0] != 0x1f || fixed[1] != 0x8b || fixed[2] != deflated {
		return damaged("no gzip header")
	}
	if err := h.skip(fixed[3]); err != nil {
		return err
	}
	r.state, r.start, r.digest, r.size = atBlock, r.end, 0, 0
	return nil
}

// ended is what the end of the stream between two members means: an empty stream has none, and is cut.
func ended(members int, err error) error {
	if err == nil && members > 0 {
		return io.EOF
	}
	if err == nil {
		return io.ErrUnexpectedEOF
	}
	return err
}

// heading reads the bytes of a header and sums them up. After an error it gives zeros.
type heading struct {
	in     *input
	digest uint32
	err    error
}

func (h *heading) take(n int) []byte {
	taken := make([]byte, 0, n)
	for len(taken) < n && h.err == nil {
		var here []byte
		here, h.err = h.in.bytes(n - len(taken))
		taken = append(taken, here...)
	}
	h.digest = crc32.Update(h.digest, crc32.IEEETable, taken)
	return taken[:n]
}

// skip reads the optional fields, and compares the header's checksum where there is one.
func (h *heading) skip(flags byte) error {
	if flags&hasExtra != 0 {
		h.take(int(binary.LittleEndian.Uint16(h.take(2))))
	}
	for _, text := range []byte{hasName, hasComment} {
		for flags&text != 0 && h.err == nil && h.take(1)[0] != 0 {
		}
	}
	if flags&hasHeaderCRC != 0 {
		want := uint16(h.digest)
		if got := binary.LittleEndian.Uint16(h.take(2)); h.err == nil && got != want {
			return damaged("checksum of the header")
		}
	}
	return h.err
}

// trailer compares the member's checksum and size with what was decoded.
func (r *Reader) trailer() error {
	r.in.align()
	h := heading{in: &r.in}
	sums := h.take(8)
	switch {
	case h.err != nil:
		return h.err
	case binary.LittleEndian.Uint32(sums) != r.digest:
		return damaged("checksum of the content")
	case binary.LittleEndian.Uint32(sums[4:]) != r.size:
		return damaged("size of the content")
	}
	r.state = atHeader
	r.members++
	return nil
}
