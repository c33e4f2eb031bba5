package encodetest

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/delivery/internal/encode"
)

// textReader decodes a whole text file with an engine that shares no code with the writer. It decompresses by itself.
type textReader interface {
	readText(t testing.TB, path string, layout *dictionary.Layout, f drop.Format) values
	// sees is what it can tell of a value: not all keep every difference that the file has.
	sees(f drop.Format, kind dictionary.Kind, value string) string
}

// textSuite is one text format as one customer agreed on it.
type textSuite struct {
	suite
	format  drop.Format
	readers map[string]textReader
}

// RunText checks the encoder of a text format in every compression.
func RunText(t *testing.T, open Open, format drop.Format) {
	s := &textSuite{suite: suite{open: open, layout: layoutOf(t)}, format: format, readers: textReaders(t, format.FileFormat)}
	for _, c := range []drop.Compression{drop.Zstd, drop.Gzip, drop.None} {
		s.format.Compression = c
		t.Run("every type at its edges/"+string(c), func(t *testing.T) { s.agree(t, s.batches(t, atEdges, 4000, 1000)) })
		t.Run("no rows/"+string(c), func(t *testing.T) { s.agree(t, nil) })
	}
	t.Run("nulls everywhere", func(t *testing.T) { s.agree(t, s.batches(t, empty, 3000, 1000)) })
	t.Run("batches without rows", func(t *testing.T) { s.agree(t, s.batches(t, atEdges, 0, 1)) })
	t.Run("one row", func(t *testing.T) { s.agree(t, s.batches(t, atEdges, 1, 1)) })
	t.Run("many tiny batches", func(t *testing.T) { s.agree(t, s.batches(t, random(1, 0.3), 2000, 1)) })
	for _, share := range []float64{0, 0.5} {
		t.Run(fmt.Sprintf("random rows with nulls/%v", share), func(t *testing.T) { s.agree(t, s.batches(t, random(2, share), 5000, 1024)) })
	}
	t.Run("wide texts", func(t *testing.T) { s.agree(t, s.batches(t, huge, 20, 7)) })
	t.Run("slices with offsets", s.slices)
	t.Run("memory is given back", s.memory)
	t.Run("null in a required column", s.requiredNull)
	t.Run("a sink that fails", s.failing)
}

// RunOptions checks the encoder of CSV with what a customer chose.
func RunOptions(t *testing.T, open Open, options drop.CSVOptions) {
	format := drop.Format{FileFormat: drop.CSV, Compression: drop.None, CSV: options}
	s := &textSuite{suite: suite{open: open, layout: layoutOf(t)}, format: format, readers: textReaders(t, drop.CSV)}
	s.agree(t, s.batches(t, atEdges, 500, 100))
}

func textReaders(t *testing.T, f drop.FileFormat) map[string]textReader {
	t.Helper()
	if f == drop.CSV {
		return map[string]textReader{"DuckDB": openDuckDB(t), "encoding/csv": csvReader{}}
	}
	return map[string]textReader{"DuckDB": openDuckDB(t), "encoding/json": jsonReader{}}
}

// agree writes the batches and compares what every reader finds with them.
func (s *textSuite) agree(t *testing.T, batches []arrow.Record) {
	t.Helper()
	want := of(s.layout, batches)
	path := s.file(t, batches)
	for who, reader := range s.readers {
		seen := make(values, len(want))
		for i, column := range want {
			for _, v := range column {
				seen[i] = append(seen[i], reader.sees(s.format, s.layout.Fields[i].Column.Type.Kind, v))
			}
		}
		same(t, who, s.layout, reader.readText(t, path, s.layout, s.format), seen)
	}
}

// file writes the batches and checks what the encoder says of them.
func (s *textSuite) file(t *testing.T, batches []arrow.Record) string {
	t.Helper()
	key := s.format.PartKey("FACT_KINDS", "2026-11-23", "r-1", 0)
	path := filepath.Join(t.TempDir(), filepath.Base(key))
	sink, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	e := s.encoder(t, sink)
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
	if info, err := os.Stat(path); err != nil || (info.Size() == 0) != (rows == 0 && s.format.FileFormat == drop.JSONLines && s.format.Compression == drop.None) {
		t.Errorf("the file of %d rows is %d bytes long, %v", rows, info.Size(), err)
	}
	return path
}

func (s *textSuite) encoder(t *testing.T, sink io.Writer) encode.Encoder {
	t.Helper()
	e, err := s.open(sink, encode.File{RunID: "acme-daily-20261123-1", AsOf: asOf, Layout: s.layout, Format: s.format})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// slices cuts batches where neither values nor validity bits start at a byte.
func (s *textSuite) slices(t *testing.T) {
	whole := batch(t, memory.DefaultAllocator, s.layout, random(3, 0.4), 0, 5000)
	var cut []arrow.Record
	for from := int64(3); from < 4900; from += 701 {
		cut = append(cut, whole.NewSlice(from, min(from+697, 5000)))
	}
	s.agree(t, cut)
}

// memory writes the same rows from memory that is spoiled once a batch is released: the same bytes must come out, and nothing
// be left.
func (s *textSuite) memory(t *testing.T) {
	pool := memory.NewCheckedAllocator(spoiling{memory.DefaultAllocator})
	defer pool.AssertSize(t, 0)
	var kept, lent strings.Builder
	one, other := s.encoder(t, &kept), s.encoder(t, &lent)
	for from := 0; from < 20_000; from += 5000 {
		if err := one.Write(batch(t, memory.DefaultAllocator, s.layout, random(4, 0.2), from, from+5000)); err != nil {
			t.Fatal(err)
		}
		b := batch(t, pool, s.layout, random(4, 0.2), from, from+5000)
		if err := other.Write(b); err != nil {
			t.Fatal(err)
		}
		b.Release()
	}
	for _, e := range []encode.Encoder{one, other} {
		if _, err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if kept.String() != lent.String() || kept.Len() == 0 {
		t.Errorf("%d bytes differ from %d bytes of the same rows", lent.Len(), kept.Len())
	}
}

// requiredNull refuses a null in every required column, and none that lies outside a slice.
func (s *textSuite) requiredNull(t *testing.T) {
	for _, f := range s.layout.Fields[:s.layout.Exported] {
		if f.Column.Nullable {
			continue
		}
		bad := batch(t, memory.DefaultAllocator, s.layout, func(other dictionary.Field, row int) any {
			if row == 7 && other.Name == f.Name {
				return nil
			}
			return atEdges(other, row)
		}, 0, 10)
		e := s.encoder(t, io.Discard)
		if err := e.Write(bad.NewSlice(0, 7)); err != nil {
			t.Errorf("column %s: rows before the null: %v", f.Name, err)
		}
		if err := e.Write(bad); fault.ReasonOf(err) != fault.ReasonSchemaMismatch {
			t.Errorf("null in column %s: got %v, want SCHEMA_MISMATCH", f.Name, err)
		}
		if _, err := e.Close(); err != nil {
			t.Errorf("Close after a refused batch: %v", err)
		}
	}
}

// full is a sink that takes nothing.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func (s *textSuite) failing(t *testing.T) {
	for _, c := range []drop.Compression{drop.Zstd, drop.Gzip, drop.None} {
		s.format.Compression = c
		e := s.encoder(t, full{})
		err := e.Write(batch(t, memory.DefaultAllocator, s.layout, atEdges, 0, 1000))
		if _, closing := e.Close(); err == nil && closing == nil {
			t.Errorf("%s: neither Write nor Close tells that the sink takes nothing", c)
		}
	}
}
