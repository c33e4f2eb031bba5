package encode

import (
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/customer-exports/exports/pkg/drop"
)

// gzipLevel is the highest that is about as fast as the lowest: two more take 1.6 times as long for files a tenth smaller.
const gzipLevel = 4

// squeeze compresses what is written as a whole. Close ends the compression and leaves the sink open.
func squeeze(to io.Writer, c drop.Compression) (io.WriteCloser, error) {
	switch c {
	case drop.Zstd:
		// Concurrency of one: nothing runs beside the caller.
		return zstd.NewWriter(to, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	case drop.Gzip:
		return gzip.NewWriterLevel(to, gzipLevel)
	case drop.None:
		return plain{to}, nil
	}
	return nil, fmt.Errorf("choosing a compression: unknown compression %q", c)
}

// plain is a sink that is not compressed.
type plain struct{ io.Writer }

func (plain) Close() error { return nil }
