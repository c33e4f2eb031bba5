package gunzip

import (
	"encoding/binary"
	"errors"
	"io"
)

const (
	inputSize = 64 << 10
	// ahead is how many bytes the hot loop may load without looking: two words.
	ahead = 16
)

// input gives the stream's bits, lowest first. Past the end of the stream it gives zeros, so that the hot
// loop needs no case for the end; overrun tells afterwards whether any of them was used.
type input struct {
	source io.Reader
	buffer [inputSize + ahead]byte
	next   int    // byte to load
	end    int    // of the bytes in buffer, with the zeros when ended
	bits   uint64 // loaded bits; those above count are those of the bytes from next on, or zero
	count  uint   // of the bits that were loaded and not used
	zeros  int    // after the stream's last byte
	ended  error
}

// fill has at least ahead bytes in the buffer.
func (in *input) fill() error {
	if in.end-in.next >= ahead {
		return nil
	}
	kept := max(0, in.next-8) // what align may give back
	in.end = copy(in.buffer[:], in.buffer[kept:in.end])
	in.next -= kept
	for in.end-in.next < ahead {
		if in.ended != nil {
			return in.pad()
		}
		n, err := in.source.Read(in.buffer[in.end:inputSize])
		in.end += n
		in.ended = err
	}
	return nil
}

// pad gives zeros in place of what the stream does not have, a few at a time, as long as none was used.
func (in *input) pad() error {
	if !errors.Is(in.ended, io.EOF) {
		return in.ended
	}
	if err := in.overrun(); err != nil {
		return err
	}
	full := in.next + ahead
	clear(in.buffer[in.end:full])
	in.zeros += full - in.end
	in.end = full
	return nil
}

// overrun is io.ErrUnexpectedEOF when bits were used that the stream does not have.
func (in *input) overrun() error {
	if in.end-in.next+int(in.count/8) < in.zeros {
		return io.ErrUnexpectedEOF
	}
	return nil
}

// refill has at least 56 bits loaded. It needs 8 bytes in the buffer.
func (in *input) refill() {
	in.bits |= binary.LittleEndian.Uint64(in.buffer[in.next:]) << (in.count & 63)
	in.next += int((63 - in.count) >> 3)
	in.count |= 56
}

// take gives the next n bits, at most 32.
func (in *input) take(n uint) (uint32, error) {
	if in.count < n {
		if err := in.fill(); err != nil {
			return 0, err
		}
		in.refill()
	}
	taken := uint32(in.bits & (1<<n - 1))
	in.bits >>= n
	in.count -= n
	return taken, in.overrun()
}

// align drops the bits before the next whole byte, and gives back the bytes that were loaded ahead.
func (in *input) align() {
	in.next -= int(in.count / 8)
	in.bits, in.count = 0, 0
}

// bytes gives up to n bytes from a byte boundary, which are there until the next call. It gives at least one.
func (in *input) bytes(n int) ([]byte, error) {
	if err := in.fill(); err != nil {
		return nil, err
	}
	here := in.buffer[in.next:in.end]
	here = here[:max(0, len(here)-in.zeros)]
	if len(here) == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	here = here[:min(n, len(here))]
	in.next += len(here)
	return here, nil
}

// over says whether the stream has nothing more. Call it on a byte boundary.
func (in *input) over() (bool, error) {
	if err := in.fill(); err != nil {
		return false, err
	}
	return in.end-in.next <= in.zeros, nil
}

// peek7 gives the next 7 bits without using them; past the end they are zeros.
func (in *input) peek7() uint64 {
	if in.count < 7 && in.fill() == nil {
		in.refill()
	}
	return in.bits
}
