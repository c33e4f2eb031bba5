package encode_test

import (
	"io"
	"testing"

	"github.com/customer-exports/exports/services/delivery/internal/encode"
	"github.com/customer-exports/exports/services/delivery/internal/encode/encodetest"
)

func TestParquet(t *testing.T) {
	encodetest.Run(t, func(sink io.Writer, file encode.File) (encode.Encoder, error) { return encode.NewParquet(sink, file) })
}
