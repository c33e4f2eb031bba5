package encodebench

import (
	"fmt"
	"os"
	"runtime"
	"testing"
	"text/tabwriter"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/klauspost/compress/s2"

	"github.com/customer-exports/exports/services/delivery/internal/encode/flat"
)

// BenchmarkColumns sets the encoder's cost of each column, alone in a file, beside what cannot be avoided: copying its bytes
// once, and what the codec takes for them as they are. Figures are CPU seconds for 1e9 bytes of the column's Arrow buffers with
// one core, medians of five; output is what the file has for 100 bytes of them.
func BenchmarkColumns(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(table, "column\tMB\tcopy\tsnappy alone\tno codec\tsnappy\tzstd-1\toutput %, no codec\tsnappy\tzstd-1\t")
	for _, in := range inputs(b) {
		batches := load(b, in)
		for i, field := range batches[0].Schema().Fields() {
			c := single(batches, i)
			_, _ = fmt.Fprintf(table, "%s\t%.0f\t%.2f\t%.2f\t", field.Name, float64(c.bytes)/1e6, c.cost(c.copied), c.cost(c.squeezed))
			var sizes [3]float64
			for k, codec := range []flat.Codec{flat.None, flat.Snappy, flat.Zstd} {
				_, _ = fmt.Fprintf(table, "%.2f\t", c.cost(func() { sizes[k] = c.written(b, codec) }))
			}
			_, _ = fmt.Fprintf(table, "%.1f\t%.1f\t%.1f\t\n", sizes[0], sizes[1], sizes[2])
		}
	}
	_ = table.Flush()
	b.ReportMetric(0, "ns/op") // the table says it all
}

// column is one of a table, in batches.
type column struct {
	batches []arrow.Record
	bytes   int64 // of its buffers
	aside   []byte
}

func single(batches []arrow.Record, i int) *column {
	c := &column{}
	for _, batch := range batches {
		schema := arrow.NewSchema([]arrow.Field{batch.Schema().Field(i)}, nil)
		c.batches = append(c.batches, array.NewRecord(schema, []arrow.Array{batch.Column(i)}, batch.NumRows()))
		c.buffers(batch.Column(i), func(data []byte) { c.bytes += int64(len(data)) })
	}
	return c
}

func (c *column) buffers(a arrow.Array, take func(data []byte)) {
	for _, buffer := range a.Data().Buffers() {
		if buffer != nil {
			take(buffer.Bytes())
		}
	}
}

// cost is the median of five, in seconds for 1e9 bytes. What is too short to be measured is done until it is not.
func (c *column) cost(work func()) float64 {
	var all []float64
	work()
	for range rounds {
		runtime.GC()
		begin, times := cpu(), 0.0
		for cpu()-begin < 0.05 {
			work()
			times++
		}
		all = append(all, (cpu()-begin)/times/float64(c.bytes)*1e9)
	}
	return median(all)
}

// copied copies every buffer once.
func (c *column) copied() {
	for _, batch := range c.batches {
		c.buffers(batch.Column(0), func(data []byte) { c.aside = append(c.aside[:0], data...) })
	}
}

// squeezed hands every buffer to the codec as it is.
func (c *column) squeezed() {
	for _, batch := range c.batches {
		c.buffers(batch.Column(0), func(data []byte) { c.aside = s2.EncodeSnappy(c.aside[:cap(c.aside)], data) })
	}
}

// written writes the column as a file, and says how many bytes that has for 100 of its buffers.
func (c *column) written(b *testing.B, codec flat.Codec) float64 {
	b.Helper()
	out := &counting{}
	w, err := flat.NewWriter(out, c.batches[0].Schema(), flat.Options{Codec: codec})
	if err != nil {
		b.Fatal(err)
	}
	for _, batch := range c.batches {
		w.Write(batch)
	}
	if err := w.EndGroup(nil); err != nil {
		b.Fatal(err)
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	return 100 * float64(out.bytes) / float64(c.bytes)
}

// counting drops what is written.
type counting struct{ bytes int64 }

func (c *counting) Write(p []byte) (int, error) {
	c.bytes += int64(len(p))
	return len(p), nil
}
