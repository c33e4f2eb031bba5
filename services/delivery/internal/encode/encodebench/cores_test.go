package encodebench

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/ipc"

	"github.com/customer-exports/exports/services/delivery/internal/encode"
	"github.com/customer-exports/exports/services/delivery/internal/encode/flat"
)

// BenchmarkCores compares how fast one file is written with one core and with two, from batches in memory to nowhere, as wall
// time: a neighbour on the second core shows in it.
func BenchmarkCores(b *testing.B) {
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(table, "table\tcodec\tM rows/s, 1 core\tM rows/s, 2 cores\ttimes\t")
	for _, in := range inputs(b) {
		batches := load(b, in)
		for _, codec := range []string{"snappy", "zstd-1"} {
			in.Codec = codec
			var one, two, times []float64
			for range rounds {
				single, double := in.pace(b, batches, 1), in.pace(b, batches, 2)
				one, two, times = append(one, single), append(two, double), append(times, double/single)
			}
			_, _ = fmt.Fprintf(table, "%s\t%s\t%.2f\t%.2f\t%.2f\t\n", in.Table, codec, median(one), median(two), median(times))
		}
	}
	_ = table.Flush()
	b.ReportMetric(0, "ns/op") // the table says it all
}

func load(b *testing.B, j job) (batches []arrow.Record) {
	b.Helper()
	reader, err := ipc.NewReader(j.open(b))
	if err != nil {
		b.Fatal(err)
	}
	defer reader.Release()
	for reader.Next() {
		batch := reader.Record()
		batch.Retain()
		batches = append(batches, batch)
	}
	if err := reader.Err(); err != nil {
		b.Fatal(err)
	}
	return batches
}

// pace is in million rows a second.
func (j job) pace(b *testing.B, batches []arrow.Record, cores int) float64 {
	b.Helper()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
	runtime.GC()
	begin := time.Now()
	file := encode.File{RunID: "bench", Layout: layoutOf(b, j.Table), Compression: codecs[j.Codec]}
	e, err := encode.NewParquet(io.Discard, file, encode.Options{Pool: flat.NewPool(cores - 1)})
	if err != nil {
		b.Fatal(err)
	}
	for _, batch := range batches {
		if err := e.Write(batch); err != nil {
			b.Fatal(err)
		}
	}
	stats, err := e.Close()
	if err != nil {
		b.Fatal(err)
	}
	return float64(stats.Rows) / 1e6 / time.Since(begin).Seconds()
}
