// Package gunzip unpacks gzip (RFC 1952, RFC 1951) faster than the libraries for Go do: unpacking result
// chunks is half of what an extraction costs, and this is what sets its pace. It owns reading from one
// stream to the end of its last member, with every checksum compared, and refuses what the standard
// library refuses. It does not compress, and knows nothing of chunks. Start at Reader.Read, then symbols.
package gunzip

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// ErrDamaged says that the stream is not gzip, or not what was packed. A stream that ends too early is
// io.ErrUnexpectedEOF instead; an error of the stream itself is passed on as it is.
var ErrDamaged = errors.New("damaged gzip")

const (
	// history is how far back a repetition may reach (RFC 1951, section 2).
	history = 32 << 10
	// outputSize holds the history and what is decoded between two slides. It stays in a core's L2 cache.
	outputSize = history + 128<<10
	// reserve is the most that one turn of the hot loop writes: three literal pairs, a repetition, and the
	// words that its copy writes too far.
	reserve = 6 + longestRepeat + 32
	// longestRepeat is the longest repetition of the format, in bytes.
	longestRepeat = 258
)

// Reader unpacks one stream. It is not safe for concurrent use, and holds about 250 KiB.
type Reader struct {
	in      input
	out     [outputSize]byte
	start   int // of the member's bytes in out: a repetition may not reach before
	end     int // of the decoded bytes in out
	given   int // how far out was handed to the caller
	state   state
	members int  // whose trailer was read
	final   bool // the block is the member's last
	left    int  // bytes that a stored block still has
	digest  uint32
	size    uint32
	codes   codes
	lasting error
}

// state is what the next bits of the stream are.
type state int

const (
	atHeader state = iota
	atBlock
	inStored
	inSymbols
	atTrailer
)

// NewReader prepares to unpack packed. Nothing is read before the first Read.
func NewReader(packed io.Reader) *Reader {
	return &Reader{in: input{source: packed}}
}

// Read is part of io.Reader. It may read ahead of what it returns.
func (r *Reader) Read(p []byte) (int, error) {
	for r.given == r.end {
		if r.lasting != nil {
			return 0, r.lasting
		}
		if len(p) == 0 {
			return 0, nil
		}
		r.lasting = r.decode()
	}
	n := copy(p, r.out[r.given:r.end])
	r.given += n
	return n, nil
}

// decode adds bytes to out, or tells why there are none. What it decoded up to a fault is not handed out: a
// caller that stops reading at the end of its message never takes bytes that no checksum stands for.
func (r *Reader) decode() error {
	r.slide()
	from := r.end
	var err error
	for err == nil && r.end <= outputSize-reserve && r.state != atTrailer {
		err = r.step()
	}
	added := r.out[from:r.end]
	r.digest = crc32.Update(r.digest, crc32.IEEETable, added)
	r.size += uint32(len(added))
	if err == nil && r.state == atTrailer {
		err = r.trailer()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		r.end = from
	}
	return err
}

// slide keeps the history only, once everything was handed out and little room is left.
func (r *Reader) slide() {
	if r.end <= outputSize-history {
		return
	}
	moved := r.end - history
	copy(r.out[:history], r.out[moved:r.end])
	r.end, r.given, r.start = history, history, max(0, r.start-moved)
}

// step reads whatever comes next in the stream.
func (r *Reader) step() error {
	switch r.state {
	case atHeader:
		return r.header()
	case atBlock:
		return r.block()
	case inStored:
		return r.stored()
	default:
		return r.symbols()
	}
}

func damaged(what string) error { return fmt.Errorf("%w: %s", ErrDamaged, what) }
