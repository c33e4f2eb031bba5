package flat

import (
	"bytes"
	"fmt"
	"runtime"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// Codec compresses pages. The numbers are those of the format.
type Codec int32

// The codecs that the format knows and this package has.
const (
	None   Codec = 0
	Snappy Codec = 1
	Gzip   Codec = 2
	Zstd   Codec = 6
)

// compressor appends what it makes of a page; it may be called by many at once.
type compressor func(dst, page []byte) []byte

func compressorOf(c Codec) (compressor, error) {
	switch c {
	case None:
		return nil, nil
	case Snappy:
		return snappy, nil
	case Gzip:
		return deflate, nil
	case Zstd:
		return zstandard(), nil
	}
	return nil, fmt.Errorf("choosing a codec: unknown codec %d", c)
}

func snappy(dst, page []byte) []byte {
	return s2.EncodeSnappy(dst[:cap(dst)], page)
}

// gzipLevel is the highest that is about as fast as the lowest.
const gzipLevel = 4

var deflaters = sync.Pool{New: func() any {
	w, err := gzip.NewWriterLevel(nil, gzipLevel)
	if err != nil {
		panic(err) // the level is a constant
	}
	return w
}}

func deflate(dst, page []byte) []byte {
	w := deflaters.Get().(*gzip.Writer)
	defer deflaters.Put(w)
	out := bytes.NewBuffer(dst[:0])
	w.Reset(out)
	_, _ = w.Write(page) // memory does not fail
	_ = w.Close()
	return out.Bytes()
}

// zstandard codes literals even where nothing repeats: ids and digests in hex halve at little cost. The encoder keeps as
// many states as there are processors.
var zstandard = sync.OnceValue(func() compressor {
	encoder, err := zstd.NewWriter(nil,
		zstd.WithZeroFrames(true), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithAllLitEntropyCompression(true), zstd.WithEncoderCRC(false),
		zstd.WithEncoderConcurrency(runtime.NumCPU()),
	)
	if err != nil {
		panic(err) // the options are constants
	}
	return func(dst, page []byte) []byte { return encoder.EncodeAll(page, dst[:0]) }
})
