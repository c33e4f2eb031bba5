package pages

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/golang/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/format"
)

var errUnpacked = errors.New("it does not unpack to the bytes that its header claims")

// unpacker undoes the compression of pages, in memory that it uses again. Snappy and gzip are undone by libraries that did
// not do it; of zstd there is no other in Go.
type unpacker struct {
	room []byte
	zstd *zstd.Decoder
}

// begin puts plain bytes in the place of whatever was there.
func (u *unpacker) begin(plain []byte) { u.room = append(u.room[:0], plain...) }

// add puts plain bytes behind what is there.
func (u *unpacker) add(plain []byte) { u.room = append(u.room, plain...) }

// unpack puts size bytes behind what is there, and returns them.
func (u *unpacker) unpack(codec format.CompressionCodec, packed []byte, size int) ([]byte, error) {
	from := len(u.room)
	u.room = slices.Grow(u.room, size)[:from+size]
	if len(packed) == 0 && size == 0 { // a page of nulls only
		return nil, nil
	}
	if err := u.into(u.room[from:], codec, packed); err != nil {
		return nil, fmt.Errorf("unpacking it: %w", err)
	}
	return u.room[from:], nil
}

// into fills a room exactly.
func (u *unpacker) into(room []byte, codec format.CompressionCodec, packed []byte) error {
	switch codec {
	case format.Uncompressed:
		if copy(room, packed) != len(packed) || len(packed) != len(room) {
			return errUnpacked
		}
		return nil
	case format.Snappy:
		return unsnap(room, packed)
	case format.Gzip:
		return inflate(room, packed)
	case format.Zstd:
		return u.unzstd(room, packed)
	default:
		return fmt.Errorf("codec %s is none of ours", codec)
	}
}

func unsnap(room, packed []byte) error {
	if size, err := snappy.DecodedLen(packed); err != nil || size != len(room) {
		return errUnpacked
	}
	_, err := snappy.Decode(room, packed)
	return err
}

func inflate(room, packed []byte) error {
	from, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return err
	}
	if _, err := io.ReadFull(from, room); err != nil {
		return err
	}
	// The end also proves gzip's own checksum.
	if n, err := io.CopyN(io.Discard, from, 1); n != 0 || !errors.Is(err, io.EOF) {
		return errUnpacked
	}
	return nil
}

func (u *unpacker) unzstd(room, packed []byte) (err error) {
	if u.zstd == nil {
		u.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecodeAllCapLimit(true))
		if err != nil {
			return err
		}
	}
	out, err := u.zstd.DecodeAll(packed, room[:0:len(room)])
	if err == nil && (len(out) != len(room) || len(out) > 0 && &out[0] != &room[0]) {
		err = errUnpacked
	}
	return err
}
