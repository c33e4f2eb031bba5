package encode_test

import (
	"flag"
	"io"
	"testing"

	"github.com/customer-exports/exports/services/delivery/internal/encode"
	"github.com/customer-exports/exports/services/delivery/internal/encode/encodetest"
	"github.com/customer-exports/exports/services/delivery/internal/encode/flat"
)

func TestParquet(t *testing.T) {
	encodetest.Run(t, func(sink io.Writer, file encode.File) (encode.Encoder, error) {
		return encode.NewParquet(sink, file, encode.Options{Pool: pool})
	})
}

func TestConservative(t *testing.T) {
	encodetest.Run(t, func(sink io.Writer, file encode.File) (encode.Encoder, error) {
		file.Profile = flat.Conservative
		return encode.NewParquet(sink, file, encode.Options{})
	})
}

func TestLibrary(t *testing.T) {
	encodetest.Run(t, func(sink io.Writer, file encode.File) (encode.Encoder, error) { return encode.NewLibrary(sink, file) })
}

var (
	fuzzFiles = flag.Int("files", 5000, "how many files TestFuzz writes")
	fuzzFrom  = flag.Int("from", 1, "the seed of the first of them")
)

// within makes our own encoder with bounds that few rows meet.
func within(sink io.Writer, file encode.File, bounds encode.Bounds) (encode.Encoder, error) {
	return encode.NewParquet(sink, file, encode.Options{Pool: pool, Within: bounds})
}

var pool = flat.NewPool(2)

func TestFuzz(t *testing.T) {
	encodetest.Fuzz(t, within, func(sink io.Writer, file encode.File) (encode.Encoder, error) { return encode.NewLibrary(sink, file) }, *fuzzFrom, *fuzzFiles)
}

func TestPrune(t *testing.T) { encodetest.Prune(t, within) }
