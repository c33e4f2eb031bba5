package encodetest

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/services/delivery/internal/encode"
	"github.com/customer-exports/exports/services/delivery/internal/encode/flat"
)

// OpenWithin makes the encoder under test with row groups and pages of so many rows and bytes.
type OpenWithin func(sink io.Writer, file encode.File, within encode.Bounds) (encode.Encoder, error)

// Fuzz writes a file of each seed, with random columns, values, nulls, batches, codec and cuts. Three engines have to read what
// went in, from it and from the file that the reference writes of the same rows.
func Fuzz(t *testing.T, open OpenWithin, reference Open, from, count int) {
	for half := range 2 {
		t.Run(fmt.Sprintf("half %d", half), func(t *testing.T) {
			t.Parallel()
			fuzz(t, open, reference, from+half*count/2, from+(half+1)*count/2)
		})
	}
}

func fuzz(t *testing.T, open OpenWithin, reference Open, from, until int) {
	t.Helper()
	readers := readers(t)
	dir := t.TempDir()
	for seed := from; seed < until; seed++ {
		one := newFuzzed(t, uint64(seed))
		// Each has a name of its own: DuckDB may know the schema of a file by its name for longer than one lives here.
		path := filepath.Join(dir, fmt.Sprintf("part-%05d.parquet", seed))
		one.write(t, path, open.within(one.within))
		want := of(one.layout, one.batches)
		for who, reader := range readers {
			same(t, who, one.layout, reader.read(t, path, one.layout), want)
		}
		checkIndex(t, path, one.layout)
		one.write(t, path, reference)
		same(t, "the reference", one.layout, parquetGo{}.read(t, path, one.layout), want)
		if t.Failed() {
			t.Fatalf("seed %d: %s", seed, one)
		}
		_ = os.Remove(path) // they are many
	}
}

// fuzzed is all that a seed decides.
type fuzzed struct {
	layout  *dictionary.Layout
	file    encode.File
	within  encode.Bounds
	batches []arrow.Record
	shapes  map[string]int
}

func (f *fuzzed) String() string {
	return fmt.Sprintf("codec %d, profile %d, within %+v, columns %v in %d batches", f.file.Compression, f.file.Profile, f.within, f.shapes, len(f.batches))
}

func newFuzzed(t *testing.T, seed uint64) *fuzzed {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 0))
	f := &fuzzed{shapes: map[string]int{}}
	columns := []string{"id"}
	for _, column := range layoutOf(t).Fields[1:] {
		if r.IntN(5) == 0 {
			columns = append(columns, column.Name)
		}
	}
	f.layout = layoutOf(t, columns...)
	f.file = encode.File{RunID: "fuzz", AsOf: asOf, Layout: f.layout, Compression: encode.Compression(r.IntN(4)), Profile: flat.Profile(r.IntN(3))}
	f.within = encode.Bounds{GroupRows: upTo(r, 700), GroupBytes: 1000 + upTo(r, 60_000)}
	f.within.PageRows, f.within.PageBytes = int(upTo(r, 300)), int(upTo(r, 5000))
	f.within.SampleRows, f.within.DictionaryBytes = int(upTo(r, 100)), int(upTo(r, 3000))
	f.draw(t, r)
	return f
}

// upTo is more often small than large.
func upTo(r *rand.Rand, most int64) int64 { return 1 + r.Int64N(1+r.Int64N(most)) }

// draw makes the batches, some of them cut out of larger ones.
func (f *fuzzed) draw(t *testing.T, r *rand.Rand) {
	t.Helper()
	seed, nulls := r.Uint64(), map[string]float64{}
	for _, column := range f.layout.Fields {
		f.shapes[column.Name] = r.IntN(shapes)
		nulls[column.Name] = []float64{0, 0.01, 0.3, 0.97, 1}[r.IntN(5)]
	}
	value := func(column dictionary.Field, row int) any {
		own := rand.New(rand.NewPCG(seed^uint64(row), uint64(len(column.Name))<<8|uint64(column.Name[0])))
		if column.Column.Nullable && own.Float64() < nulls[column.Name] {
			return nil
		}
		return shaped(own, column, f.shapes[column.Name], row)
	}
	for row, end := 0, int(upTo(r, 900))-1; row < end; {
		n := int(upTo(r, 400))
		whole := batch(t, memory.DefaultAllocator, f.layout, value, row, row+n)
		skip := r.IntN(2) * r.IntN(min(n, 70))
		f.batches = append(f.batches, whole.NewSlice(int64(skip), int64(n)))
		row += n
	}
}

// shapes is how many there are: values at the edges, few that repeat, long runs, ascending ones, and random ones.
const shapes = 5

func shaped(r *rand.Rand, column dictionary.Field, shape, row int) any {
	edges := edges()[column.Column.Type]
	switch shape {
	case 0:
		return edges[r.IntN(len(edges))]
	case 1:
		return edges[r.IntN(min(3, len(edges)))]
	case 2:
		return edges[row/90%len(edges)]
	}
	switch text := fmt.Sprintf("%06d", row); {
	case column.Column.Type.Kind == dictionary.KindNumber && shape == 3:
		return text[len(text)-min(len(text), column.Column.Type.Precision):]
	case column.Column.Type.Kind == dictionary.KindNumber:
		return digits(r, column.Column.Type.Precision)
	case column.Column.Type.Kind == dictionary.KindString && shape == 3:
		return text + prose(r, r.IntN(3)*r.IntN(10))
	case column.Column.Type.Kind == dictionary.KindString:
		return prose(r, r.IntN(20))
	}
	return edges[r.IntN(len(edges))]
}

func (f *fuzzed) write(t *testing.T, path string, open Open) {
	t.Helper()
	sink, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	e, err := open(sink, f.file)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range f.batches {
		if err := e.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	rows := int64(0)
	for b := range slices.Values(f.batches) {
		rows += b.NumRows()
	}
	if stats, err := e.Close(); err != nil || stats.Rows != rows {
		t.Fatalf("closing: %+v, %v, want %d rows", stats, err, rows)
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
}

// within fixes the bounds.
func (o OpenWithin) within(b encode.Bounds) Open {
	return func(sink io.Writer, file encode.File) (encode.Encoder, error) { return o(sink, file, b) }
}
