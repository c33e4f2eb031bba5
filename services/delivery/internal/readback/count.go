package readback

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/minio/crc64nvme"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/drop"
)

// Count is what a column holds. What each means is said at ColumnCount in receipt.proto; here it is counted by nothing that
// counted it first.
type Count struct {
	// Nulls is Untold where JSON's null and ours look the same.
	Nulls int64
	Sum   string
	// CRC is not compared of text, whose values are spelled in another way.
	CRC uint64
}

// Untold is how many nulls a column has whose nulls cannot be told.
const Untold = -1

// counter counts one column.
type counter struct {
	*scratch
	kind          dictionary.Type
	nulls         int64
	values, shape uint64
	sum           sum
}

// scratch is the memory of the page at hand. All columns of a file share it: it follows the largest page, however many there are.
type scratch struct {
	room    []byte                // of values that do not lie in the file as they are counted
	lengths []byte                // of the rows
	present []byte                // of those that have a value
	same    [wideBytes + 1][]byte // by the length that all rows have
}

func counters(columns []Column) []*counter {
	all, shared := make([]*counter, len(columns)), &scratch{}
	for i, c := range columns {
		all[i] = &counter{scratch: shared, kind: c.Type}
	}
	return all
}

// count is what was counted so far.
func (c *counter) count() Count {
	var shape [8]byte
	binary.LittleEndian.PutUint64(shape[:], c.shape)
	n := Count{Nulls: c.nulls, CRC: crc64nvme.Update(c.values, shape[:])}
	if c.kind.Kind == dictionary.KindNumber {
		n.Sum = c.sum.spell(c.kind.Scale)
	}
	return n
}

// same compares what was counted with what was counted first, if it was.
func same(f File, have []Count) error {
	var wrong []string
	for i, want := range f.Counts {
		name, got := f.Columns[i].Name, have[i]
		switch {
		case got.Nulls != Untold && got.Nulls != want.Nulls:
			wrong = append(wrong, fmt.Sprintf("column %s has %d nulls, %d were written", name, got.Nulls, want.Nulls))
		case got.Sum != want.Sum:
			wrong = append(wrong, fmt.Sprintf("column %s has another sum than what was written", name))
		case f.Format.FileFormat == drop.Parquet && got.CRC != want.CRC:
			wrong = append(wrong, fmt.Sprintf("column %s holds other values than what was written, or in another order", name))
		}
	}
	if len(wrong) > 0 {
		return differs(f, "%s", strings.Join(wrong, "; "))
	}
	return nil
}
