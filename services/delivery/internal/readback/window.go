package readback

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"

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

	held []byte // in room
	at   int64  // where held begins
	room []byte // used again
	tail []byte // the object's end, when it was looked at first
	crc  hash.Hash64
	sha  hash.Hash // nil when nobody asked
}

func newWindow(ctx context.Context, store bucket.Objects, f File, piece int64, progress func(bytes int64)) *window {
	w := &window{ctx: ctx, store: store, key: f.Key, size: f.Bytes, piece: piece, progress: progress, crc: crc64nvme.New()}
	if f.SHA256 != "" {
		w.sha = sha256.New()
	}
	return w
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
	kept := w.held[min(offset-w.at, int64(len(w.held))):]
	w.at = w.end() - int64(len(kept))
	w.room = append(w.room[:0], kept...) // which may lie further behind in it already
	w.held = w.room
	next, err := w.fetchNext()
	if err != nil {
		return err
	}
	w.crc.Write(next)
	if w.sha != nil {
		w.sha.Write(next)
	}
	w.room = w.room[:len(kept)+len(next)]
	w.held = w.room
	return nil
}

// fetchNext puts the piece that is next behind what is held.
func (w *window) fetchNext() ([]byte, error) {
	end, tail := w.end(), w.size-int64(len(w.tail))
	length := min(w.piece, tail-end)
	if end >= tail {
		length = w.size - end
	}
	w.room = slices.Grow(w.room, int(length))
	next := w.room[len(w.room) : len(w.room)+int(length)]
	if end < tail {
		return next, w.fetch(end, next)
	}
	copy(next, w.tail[end-tail:])
	return next, w.alive()
}

// fetch reads a range; any error but that of the context is one of the bucket.
func (w *window) fetch(offset int64, room []byte) error {
	if err := w.alive(); err != nil {
		return err
	}
	if w.err = w.store.ReadRange(w.ctx, w.key, offset, room); w.err != nil {
		return errWay
	}
	w.progress(int64(len(room)))
	return nil
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
		data := make([]byte, more)
		if err := w.fetch(w.size-int64(len(w.tail))-more, data); err != nil {
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
	if bucket.SpellChecksum(w.crc.Sum64()) != f.CRC64NVME || w.sha != nil && hex.EncodeToString(w.sha.Sum(nil)) != f.SHA256 {
		return fault.New(fault.State, fault.ReasonFileChanged, "%s does not hold the bytes that were written", f.Key)
	}
	return nil
}
