package encodebench

import (
	"bufio"
	"io"
	"os"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/customer-exports/exports/deploy/local/warehouse/peer"
	"github.com/customer-exports/exports/pkg/dictionary/arrowschema"
	"github.com/customer-exports/exports/services/delivery/internal/encode"
)

// contender does a job in some way.
type contender struct {
	name  string
	write func(t testing.TB, j job, m *meter) error
}

const ours = "delivery"

// encoders write the rows of the Arrow stream In to the file Out. The first is what the others are compared with.
var encoders = []contender{{"DuckDB", duckDB("")}, {ours, delivery}, {"DuckDB V2", duckDB(", PARQUET_VERSION V2")}, {"pqarrow untuned", untuned}}

// peers take part in the benchmark only: they must be installed.
var peers = []contender{{"Polars", polars}}

// duckDB with further options of its COPY; V2 are the encodings that came later.
func duckDB(options string) func(t testing.TB, j job, m *meter) error {
	return func(t testing.TB, j job, m *meter) error {
		codec := map[string]string{"snappy": "snappy", "zstd-1": "zstd, COMPRESSION_LEVEL 1"}[j.Codec]
		return peer.Copy(t.Context(), j.pointed().open(t), j.Out, codec+options, m.aside)
	}
}

var codecs = map[string]encode.Compression{"snappy": encode.Snappy, "zstd-1": encode.Zstd}

func delivery(t testing.TB, j job, m *meter) error {
	out, err := os.Create(j.Out)
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }()
	e, err := encode.NewParquet(out, encode.File{RunID: "bench", Layout: layoutOf(t, j.Table), Compression: codecs[j.Codec]}, encode.Options{})
	if err != nil {
		return err
	}
	if err := j.each(t, m, e.Write); err != nil {
		return err
	}
	_, err = e.Close()
	return err
}

// untuned is what one would write after reading the library's examples, but for the row groups: by default they have 64Mi
// rows, and all of one is held in memory.
func untuned(t testing.TB, j job, m *meter) error {
	out, err := os.Create(j.Out)
	if err != nil {
		return err
	}
	codec := map[string]compress.Compression{"snappy": compress.Codecs.Snappy, "zstd-1": compress.Codecs.Zstd}[j.Codec]
	options := []parquet.WriterProperty{parquet.WithCompression(codec), parquet.WithMaxRowGroupLength(1 << 20)}
	if j.Codec == "zstd-1" {
		options = append(options, parquet.WithCompressionLevel(1))
	}
	schema := encode.NewDecimals(arrowschema.Of(layoutOf(t, j.Table))).Schema
	w, err := pqarrow.NewFileWriter(schema, out, parquet.NewWriterProperties(options...), pqarrow.DefaultWriterProps())
	if err != nil {
		return err
	}
	if err := j.pointed().each(t, m, w.WriteBuffered); err != nil {
		return err
	}
	return w.Close() // closes the file too
}

// pointed has the same rows as input, with numbers as Arrow's decimals: delivery alone knows them as they travel.
func (j job) pointed() job {
	j.In += ".pointed"
	return j
}

func (j job) open(t testing.TB) io.Reader {
	t.Helper()
	file, err := os.Open(j.In)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return bufio.NewReaderSize(file, 1<<20)
}

// each decodes the input aside and hands over every batch.
func (j job) each(t testing.TB, m *meter, write func(arrow.Record) error) error {
	t.Helper()
	var reader *ipc.Reader
	var err error
	m.aside(func() { reader, err = ipc.NewReader(j.open(t)) })
	if err != nil {
		return err
	}
	defer reader.Release()
	for {
		more := false
		m.aside(func() { more = reader.Next() })
		if !more {
			return reader.Err()
		}
		if err := write(reader.Record()); err != nil {
			return err
		}
	}
}
