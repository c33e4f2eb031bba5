package readback

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/minio/crc64nvme"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
)

// tailBytes is what is fetched of a file's end first; nearly every footer fits, and every small file.
const tailBytes = 64 << 10

// errWay says that the fault is the window's, on the way to the file.
var errWay = errors.New("the file could not be fetched")

// window is what is held of an object that is read once, from its beginning to its end. Every byte is summed when it comes,
// so what was summed is what was decoded.
type window struct {
	ctx      context.Context // of the one read-back that it lives for: io.Reader has no place for it
	store    bucket.Objects
	key      string
	size     int64
	piece    int64
	progress func(bytes int64)
	err      error // the first fault on the way to the object, as opposed to one in it

	held []byte
	at   int64  // where held begins
	room []byte // of what is held of two pieces, used again
	tail []byte // the object's end, when it was looked at first
	crc  hash.Hash64
	sha  hash.Hash
}

func newWindow(ctx context.Context, store bucket.Objects, f File, piece int64, progress func(bytes int64)) *window {
	return &window{ctx: ctx, store: store, key: f.Key, size: f.Bytes, piece: piece, progress: progress, crc: crc64nvme.New(), sha: sha256.New()}
}

// fault is what went wrong on the way.
func (w *window) fault() error {
	if cause := context.Cause(w.ctx); cause != nil {
		return cause
	}
	return w.err
}

// end is where the held bytes end.
func (w *window) end() int64 { return w.at + int64(len(w.held)) }

// Bytes returns length bytes from offset, valid until the next call, and forgets those before.
func (w *window) Bytes(offset, length int64) ([]byte, error) {
	if offset < w.at || length < 0 || length > w.size-offset {
		return nil, fmt.Errorf("%d bytes at %d are behind what was read, or beyond the end", length, offset)
	}
	for w.end() < offset+length {
		if err := w.more(offset); err != nil {
			return nil, err
		}
	}
	from := offset - w.at
	return w.held[from : from+length], nil
}

// more fetches and sums the piece that is next, and forgets what is before offset.
func (w *window) more(offset int64) error {
	next, err := w.fetchNext()
	if err != nil {
		return err
	}
	w.crc.Write(next)
	w.sha.Write(next)
	kept := w.held[min(offset-w.at, int64(len(w.held))):]
	w.at = w.end() - int64(len(kept))
	if len(kept) == 0 {
		w.held = next
		return nil
	}
	// What is kept may lie in the room already; it then moves to its beginning.
	w.room = append(append(w.room[:0], kept...), next...)
	w.held = w.room
	return nil
}

func (w *window) fetchNext() ([]byte, error) {
	end, tail := w.end(), w.size-int64(len(w.tail))
	if end >= tail {
		return w.tail[end-tail:], w.alive()
	}
	return w.fetch(end, min(w.piece, tail-end))
}

// fetch reads a range; any error but that of the context is one of the bucket.
func (w *window) fetch(offset, length int64) ([]byte, error) {
	if err := w.alive(); err != nil {
		return nil, err
	}
	data, err := w.store.ReadRange(w.ctx, w.key, offset, length)
	if err == nil && int64(len(data)) != length {
		err = fault.New(fault.Unavailable, fault.ReasonBucketUnavailable, "reading %s: %d bytes came instead of %d", w.key, len(data), length)
	}
	if err != nil {
		w.err = err
		return nil, errWay
	}
	w.progress(length)
	return data, nil
}

// alive ends the reading with its context.
func (w *window) alive() error {
	if w.ctx.Err() != nil {
		return errWay
	}
	return nil
}

// Tail returns the last bytes of the object, at most as many as are asked for, before anything else is read.
func (w *window) Tail(length int64) ([]byte, error) {
	length = min(length, w.size)
	if missing := length - int64(len(w.tail)); missing > 0 {
		more := max(missing, min(tailBytes, w.size)-int64(len(w.tail)))
		data, err := w.fetch(w.size-int64(len(w.tail))-more, more)
		if err != nil {
			return nil, err
		}
		w.tail = append(data, w.tail...)
	}
	return w.tail[int64(len(w.tail))-length:], nil
}

// Read implements io.Reader, and goes on where Bytes or it ended.
func (w *window) Read(p []byte) (int, error) {
	if len(w.held) == 0 {
		if w.at == w.size {
			return 0, io.EOF
		}
		if err := w.more(w.at); err != nil {
			return 0, err
		}
	}
	n := copy(p, w.held)
	w.held, w.at = w.held[n:], w.at+int64(n)
	return n, nil
}

// proven reads what is left and compares the sums.
func (w *window) proven(f File) error {
	for w.end() < w.size {
		if err := w.more(w.end()); err != nil {
			return w.fault()
		}
	}
	if bucket.SpellChecksum(w.crc.Sum64()) != f.CRC64NVME || hex.EncodeToString(w.sha.Sum(nil)) != f.SHA256 {
		return fault.New(fault.State, fault.ReasonFileChanged, "%s does not hold the bytes that were written", f.Key)
	}
	return nil
}
