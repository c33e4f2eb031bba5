package encode

import (
	"fmt"
	"sync"

	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// codec names a compression in the library's words.
func codec(c Compression) (compress.Compression, error) {
	switch c {
	case Zstd:
		return compress.Codecs.Zstd, nil
	case Snappy:
		return compress.Codecs.Snappy, nil
	case Gzip:
		return compress.Codecs.Gzip, nil
	case None:
		return compress.Codecs.Uncompressed, nil
	}
	return compress.Codecs.Uncompressed, fmt.Errorf("choosing a codec: unknown compression %d", c)
}

// registerCodecs puts faster encoders of the same formats in the place of the library's, which makes a new zstd encoder
// for every page. Its registry is global and not locked, hence once and before the first file.
var registerCodecs = sync.OnceValue(func() error {
	for kind, encode := range map[compress.Compression]func(dst, src []byte) []byte{
		compress.Codecs.Snappy: s2.EncodeSnappy,
		compress.Codecs.Zstd:   encodeZstd(),
	} {
		replaced, err := compress.GetCodec(kind)
		if err != nil {
			return fmt.Errorf("replacing a codec: %w", err)
		}
		compress.RegisterCodec(kind, pageCodec{replaced, encode})
	}
	return nil
})

// encodeZstd codes literals even where nothing repeats: ids and digests in hex halve at little cost.
func encodeZstd() func(dst, src []byte) []byte {
	encoder, err := zstd.NewWriter(nil, zstd.WithZeroFrames(true), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithAllLitEntropyCompression(true))
	if err != nil {
		panic(err) // the options are constants
	}
	return func(dst, src []byte) []byte { return encoder.EncodeAll(src, dst[:0]) }
}

// pageCodec is a codec of the library with another encoder of pages.
type pageCodec struct {
	compress.Codec
	encode func(dst, src []byte) []byte
}

func (c pageCodec) Encode(dst, src []byte) []byte { return c.encode(dst, src) }

func (c pageCodec) EncodeLevel(dst, src []byte, _ int) []byte { return c.encode(dst, src) }
