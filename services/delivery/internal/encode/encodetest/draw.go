package encodetest

import (
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/customer-exports/exports/services/delivery/internal/encode"
)

// Drawn is a file that a seed decides: its columns, values, nulls, batches, codec, profile and cuts.
type Drawn struct {
	File    encode.File
	Within  encode.Bounds
	Batches []arrow.Record
}

// Draw is what Fuzz writes of a seed, for the tests of what reads such files.
func Draw(t *testing.T, seed uint64) Drawn {
	t.Helper()
	f := newFuzzed(t, seed)
	return Drawn{File: f.file, Within: f.within, Batches: f.batches}
}

// Rows counts them.
func (d Drawn) Rows() (n int64) {
	for _, b := range d.Batches {
		n += b.NumRows()
	}
	return n
}
