package encodetest

import (
	"errors"
	"io"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/customer-exports/exports/pkg/dictionary"
)

// checkIndex compares the page index of a file with its pages: readers leave out pages because of it.
func checkIndex(t *testing.T, path string, layout *dictionary.Layout) {
	t.Helper()
	file := open(t, path)
	for g, group := range file.RowGroups() {
		for i, chunk := range group.ColumnChunks() {
			meta := file.Metadata().RowGroups[g].Columns[i]
			bounds, places := file.ColumnIndexes()[g*len(layout.Fields[:layout.Exported])+i], file.OffsetIndexes()[g*layout.Exported+i]
			if len(places.PageLocations) == 0 {
				t.Errorf("column %s of row group %d has no offset index", layout.Fields[i].Name, g)
				continue
			}
			p := &indexed{column: layout.Fields[i], kind: file.Root().Columns()[i].Type(), bounds: bounds, places: places}
			p.known = meta.ColumnIndexOffset != 0
			p.check(t, chunk)
		}
	}
}

// indexed is the page index of one column in one row group.
type indexed struct {
	column dictionary.Field
	kind   parquet.Type
	known  bool // whether there is a column index
	bounds format.ColumnIndex
	places format.OffsetIndex
}

func (x *indexed) check(t *testing.T, chunk parquet.ColumnChunk) {
	t.Helper()
	pages := chunk.Pages()
	defer func() { _ = pages.Close() }()
	row := int64(0)
	for i := 0; ; i++ {
		page, err := pages.ReadPage()
		if errors.Is(err, io.EOF) {
			if i != len(x.places.PageLocations) {
				t.Errorf("column %s: %d pages, and %d in the index", x.column.Name, i, len(x.places.PageLocations))
			}
			return
		}
		if err != nil || i >= len(x.places.PageLocations) {
			t.Errorf("column %s, page %d of %d: %v", x.column.Name, i, len(x.places.PageLocations), err)
			return
		}
		if first := x.places.PageLocations[i].FirstRowIndex; first != row {
			t.Errorf("column %s: page %d begins with row %d, and with %d in the index", x.column.Name, i, row, first)
		}
		row += page.NumRows()
		if x.known {
			x.page(t, i, page)
		}
		parquet.Release(page)
	}
}

// page checks that every value of a page is within its bounds.
func (x *indexed) page(t *testing.T, i int, page parquet.Page) {
	t.Helper()
	values, nulls := make([]parquet.Value, page.NumValues()), int64(0)
	n, err := page.Values().ReadValues(values)
	if err != nil && !errors.Is(err, io.EOF) || n != len(values) {
		t.Errorf("column %s, page %d: read %d of %d values, %v", x.column.Name, i, n, len(values), err)
	}
	var low, high parquet.Value
	if !x.bounds.NullPages[i] {
		low, high = x.kind.Kind().Value(x.bounds.MinValues[i]), x.kind.Kind().Value(x.bounds.MaxValues[i])
	}
	for _, v := range values {
		switch {
		case v.IsNull():
			nulls++
		case x.bounds.NullPages[i]:
			t.Errorf("column %s: page %d is said to hold nulls only, and has %v", x.column.Name, i, v)
		case x.compare(v, low) < 0 || x.compare(v, high) > 0:
			t.Errorf("column %s: %v of page %d is outside [%v, %v]", x.column.Name, v, i, low, high)
			return
		}
	}
	if x.bounds.NullCounts[i] != nulls {
		t.Errorf("column %s: page %d has %d nulls, and %d in the index", x.column.Name, i, nulls, x.bounds.NullCounts[i])
	}
}

// compare knows that decimals in bytes have a sign; the library does not.
func (x *indexed) compare(v, bound parquet.Value) int {
	if x.kind.Kind() == parquet.FixedLenByteArray {
		return unscaled(v).Cmp(unscaled(bound))
	}
	return x.kind.Compare(v, bound)
}
