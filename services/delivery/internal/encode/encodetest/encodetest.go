// Package encodetest is the acceptance suite of encode.Encoder for Parquet: what customers and the commit rely upon, checked
// against every implementation.
//
// Files are read back by three engines that share no code with the writer, and every value is compared. It links DuckDB and
// runs node, so only tests may import it. Start at Run.
package encodetest

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/dictionary/arrowschema"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/delivery/internal/encode"
)

// Open makes the encoder under test.
type Open func(sink io.Writer, file encode.File) (encode.Encoder, error)

var asOf = time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)

// suite is one implementation, the layout of all files and those who read them.
type suite struct {
	open    Open
	layout  *dictionary.Layout
	readers map[string]reader
}

// codecs are all that an export may choose.
var codecs = map[string]encode.Compression{"zstd": encode.Zstd, "snappy": encode.Snappy, "gzip": encode.Gzip, "none": encode.None}

// Run checks one implementation.
func Run(t *testing.T, open Open) {
	s := &suite{open: open, layout: layoutOf(t), readers: readers(t)}
	for name, codec := range codecs {
		t.Run("every type at its edges/"+name, func(t *testing.T) { s.agree(t, codec, s.batches(t, atEdges, 4000, 1000)) })
	}
	t.Run("nulls everywhere", func(t *testing.T) { s.agree(t, encode.Zstd, s.batches(t, empty, 3000, 1000)) })
	t.Run("no rows", func(t *testing.T) { s.agree(t, encode.Zstd, nil) })
	t.Run("batches without rows", func(t *testing.T) { s.agree(t, encode.Zstd, s.batches(t, atEdges, 0, 1)) })
	t.Run("one row", func(t *testing.T) { s.agree(t, encode.Zstd, s.batches(t, atEdges, 1, 1)) })
	t.Run("many tiny batches", func(t *testing.T) { s.agree(t, encode.Snappy, s.batches(t, random(1, 0.3), 2000, 1)) })
	for _, share := range []float64{0, 0.01, 0.5, 0.99} {
		t.Run(fmt.Sprintf("random rows with nulls/%v", share), func(t *testing.T) {
			s.agree(t, encode.Snappy, s.batches(t, random(2, share), 12_345, 4096))
		})
	}
	t.Run("widths that vary", func(t *testing.T) { s.agree(t, encode.Snappy, s.batches(t, widening, 40_000, 1500)) })
	t.Run("texts wider than a page", func(t *testing.T) { s.agree(t, encode.Zstd, s.batches(t, huge, 20, 7)) })
	t.Run("slices with offsets", s.slices)
	t.Run("memory is given back", s.memory)
	t.Run("null in a required column", s.requiredNull)
	t.Run("batch of another schema", s.otherSchema)
	t.Run("sink that fails", s.failingSink)
	t.Run("what the file says of itself", s.metadata)
	t.Run("row groups", s.rowGroups)
	t.Run("statistics", s.statistics)
	t.Run("dictionary", s.dictionaries)
	t.Run("sort order", s.order)
}

// agree writes the batches and compares what every reader finds with them.
func (s *suite) agree(t *testing.T, codec encode.Compression, batches []arrow.Record) {
	t.Helper()
	want := of(s.layout, batches)
	path := s.file(t, codec, batches)
	for who, reader := range s.readers {
		same(t, who, s.layout, reader.read(t, path, s.layout), want)
	}
}

func (s *suite) batches(t *testing.T, value draw, rows, perBatch int) []arrow.Record {
	t.Helper()
	batches := []arrow.Record{batch(t, memory.DefaultAllocator, s.layout, value, 0, min(perBatch, rows))}
	for from := perBatch; from < rows; from += perBatch {
		batches = append(batches, batch(t, memory.DefaultAllocator, s.layout, value, from, min(from+perBatch, rows)))
	}
	return batches
}

// file writes the batches and checks what the encoder says of them.
func (s *suite) file(t *testing.T, codec encode.Compression, batches []arrow.Record) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "part-00000.parquet")
	sink, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	e := s.encoder(t, sink, codec)
	rows := int64(0)
	for _, b := range batches {
		if err := e.Write(b); err != nil {
			t.Fatal(err)
		}
		rows += b.NumRows()
	}
	stats, err := e.Close()
	if err != nil {
		t.Fatal(err)
	}
	if stats.Rows != rows || (stats.ArrowBytes > 0) != (rows > 0) {
		t.Errorf("stats: got %+v, want %d rows", stats, rows)
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func (s *suite) encoder(t *testing.T, sink io.Writer, codec encode.Compression) encode.Encoder {
	t.Helper()
	e, err := s.open(sink, encode.File{RunID: "acme-daily-20261123-1", AsOf: asOf, Layout: s.layout, Compression: codec})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// slices cuts batches where neither values nor validity bits start at a byte.
func (s *suite) slices(t *testing.T) {
	whole := batch(t, memory.DefaultAllocator, s.layout, random(3, 0.4), 0, 5000)
	var cut []arrow.Record
	for from := int64(3); from < 4900; from += 701 {
		cut = append(cut, whole.NewSlice(from, min(from+697, 5000)))
	}
	s.agree(t, encode.Snappy, cut)
}

// memory releases every batch right after it was written, and spoils memory that is given back, as a pool does that uses
// it again. Nothing may be left in the end.
func (s *suite) memory(t *testing.T) {
	pool := memory.NewCheckedAllocator(spoiling{memory.DefaultAllocator})
	defer pool.AssertSize(t, 0)
	path := filepath.Join(t.TempDir(), "part-00000.parquet")
	sink, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	e := s.encoder(t, sink, encode.Snappy)
	var kept []arrow.Record
	for from := 0; from < 50_000; from += 10_000 {
		kept = append(kept, batch(t, memory.DefaultAllocator, s.layout, random(4, 0.2), from, from+10_000))
		lent := batch(t, pool, s.layout, random(4, 0.2), from, from+10_000)
		if err := e.Write(lent); err != nil {
			t.Fatal(err)
		}
		lent.Release()
	}
	if _, err := e.Close(); err != nil {
		t.Fatal(err)
	}
	want := of(s.layout, kept)
	same(t, "parquet-go", s.layout, parquetGo{}.read(t, path, s.layout), want)
	checkStatistics(t, open(t, path), s.layout, kept)
}

// spoiling overwrites what is freed.
type spoiling struct{ memory.Allocator }

func (s spoiling) Free(b []byte) {
	b = b[:cap(b)]
	for i := range b {
		b[i] = 0xEE
	}
	s.Allocator.Free(b)
}

// requiredNull refuses a null in every required column, and none that lies outside a slice.
func (s *suite) requiredNull(t *testing.T) {
	for i, f := range s.layout.Fields[:s.layout.Exported] {
		if f.Column.Nullable {
			continue
		}
		bad := batch(t, memory.DefaultAllocator, s.layout, func(other dictionary.Field, row int) any {
			if row == 7 && other.Name == f.Name {
				return nil
			}
			return atEdges(other, row)
		}, 0, 10)
		e := s.encoder(t, io.Discard, encode.Zstd)
		if err := e.Write(bad.NewSlice(0, 7)); err != nil {
			t.Errorf("column %s: rows before the null: %v", f.Name, err)
		}
		if err := e.Write(bad); fault.ReasonOf(err) != fault.ReasonSchemaMismatch {
			t.Errorf("null in column %d %s: got %v, want SCHEMA_MISMATCH", i, f.Name, err)
		}
		if _, err := e.Close(); err != nil {
			t.Errorf("Close after a refused batch: %v", err)
		}
	}
}

// otherSchema names column and types of what it refuses.
func (s *suite) otherSchema(t *testing.T) {
	good := batch(t, memory.DefaultAllocator, s.layout, atEdges, 0, 10)
	for i, f := range s.layout.Fields[1:s.layout.Exported] {
		columns := slices.Clone(good.Columns())
		if arrow.TypeEqual(columns[i+1].DataType(), columns[0].DataType()) {
			continue
		}
		columns[i+1] = columns[0]
		fields := slices.Clone(good.Schema().Fields())
		fields[i+1].Type = columns[0].DataType()
		e := s.encoder(t, io.Discard, encode.Zstd)
		err := e.Write(array.NewRecord(arrow.NewSchema(fields, nil), columns, 10))
		if fault.ReasonOf(err) != fault.ReasonSchemaMismatch || !strings.Contains(err.Error(), f.Name) || !strings.Contains(err.Error(), "int64") {
			t.Errorf("column %s of type int64: got %v, want SCHEMA_MISMATCH with column and types", f.Name, err)
		}
		if err := e.Write(good.NewSlice(0, 10)); err != nil {
			t.Errorf("rows after what was refused: %v", err)
		}
		if stats, err := e.Close(); err != nil || stats.Rows != 10 {
			t.Errorf("Close after a refused batch: %+v, %v", stats, err)
		}
	}
}

// failingSink takes so many bytes and no more: the file is not to be called finished, whenever that is.
func (s *suite) failingSink(t *testing.T) {
	rows := batch(t, memory.DefaultAllocator, s.layout, atEdges, 0, 2000)
	whole := &limited{room: math.MaxInt}
	if err := s.pour(t, whole, rows); err != nil {
		t.Fatal(err)
	}
	for room := 0; room < whole.taken; room += 1 + whole.taken/50 {
		if err := s.pour(t, &limited{room: room}, rows); !errors.Is(err, errFull) {
			t.Errorf("sink with room for %d of %d bytes: got %v, want its error", room, whole.taken, err)
		}
	}
}

func (s *suite) pour(t *testing.T, sink io.Writer, rows arrow.Record) error {
	t.Helper()
	e, err := s.open(sink, encode.File{RunID: "r", AsOf: asOf, Layout: s.layout, Compression: encode.Snappy})
	if err != nil {
		return err
	}
	err = e.Write(rows)
	_, closed := e.Close()
	return errors.Join(err, closed)
}

var errFull = errors.New("sink is full")

// limited is a sink that fails.
type limited struct{ room, taken int }

func (l *limited) Write(p []byte) (int, error) {
	if len(p) > l.room {
		return 0, errFull
	}
	l.room, l.taken = l.room-len(p), l.taken+len(p)
	return len(p), nil
}

// narrow is a batch of many rows that costs little to make.
func narrow(t testing.TB, layout *dictionary.Layout, rows int) arrow.Record {
	t.Helper()
	one := batch(t, memory.DefaultAllocator, layout, atEdges, 0, 1024)
	columns := make([]arrow.Array, len(layout.Fields))
	for i := range columns {
		pieces := make([]arrow.Array, rows/1024)
		for j := range pieces {
			pieces[j] = one.Column(i)
		}
		column, err := array.Concatenate(pieces, memory.DefaultAllocator)
		if err != nil {
			t.Fatal(err)
		}
		columns[i] = column
	}
	return array.NewRecord(arrowschema.Of(layout), columns, int64(rows))
}
