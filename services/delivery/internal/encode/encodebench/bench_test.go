// Package encodebench measures what a file costs: our encoder beside what a user would pick instead, on the two kinds of
// tables that exports are made of.
//
// It holds tests only. Each measurement is made in a process of its own, so that CPU and memory are nobody else's; it decides
// nothing about how good is good enough, that is PERFORMANCE.md of delivery. Start at BenchmarkEncode.
package encodebench

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"text/tabwriter"
)

// BenchmarkEncode compares our encoder with those of DuckDB and Polars and with Arrow's library as it comes. It prints a line each:
//
//	CPU s/GB        user and system seconds for 1e9 bytes of Arrow buffers, with one thread; reading the input is left out
//	x DuckDB        that of the encoder to that of DuckDB, each to the one of its own round
//	M rows/CPU s    millions of rows for each of these seconds
//	peak RSS        of the whole process, the input's decoder and the test binary included
//	output          the size of the file
//
// All are medians of five rounds, in which the encoders take turns. EXPORTS_ENCODE_ROWS is how many transactions there are,
// reviews are a third of it; EXPORTS_ENCODE_BATCH is how many rows a batch has, and EXPORTS_ENCODE_PROFILES a folder for CPU
// profiles of our encoder.
func BenchmarkEncode(b *testing.B) {
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "table\tcodec\tencoder\tCPU s/GB\tx DuckDB\tM rows/CPU s\tpeak RSS MB\toutput MB\tx DuckDB\t")
	for _, in := range inputs(b) {
		for _, codec := range []string{"snappy", "zstd-1"} {
			in.Codec = codec
			for _, r := range race(b, in, slices.Concat(encoders, peers)) {
				fmt.Fprintf(table, "%s\t%s\t%s\t%.2f\t%.2f\t%.2f\t%.0f\t%.1f\t%.2f\t\n",
					in.Table, codec, r.name, r.perGB, r.times, float64(in.Rows)/1e6/r.seconds, r.peak/1e6, r.size/1e6, r.sizes)
			}
		}
	}
	_ = table.Flush()
	b.ReportMetric(0, "ns/op") // the table says it all
}

// inputs are the two tables, each written to a file by a process of its own: what this process ever held would count as the
// memory of those that it starts.
func inputs(b *testing.B) []job {
	b.Helper()
	rows, batch := setting(b, "EXPORTS_ENCODE_ROWS", 1_500_000), setting(b, "EXPORTS_ENCODE_BATCH", 65_536)
	all := []job{{Table: "FACT_TRANSACTIONS", Rows: rows}, {Table: "FACT_REVIEWS", Rows: rows / 3}}
	for i, j := range all {
		j.Batch, j.In = batch, filepath.Join(b.TempDir(), j.Table+".arrows")
		j.Out, j.Work = j.In, drawing
		j.ArrowBytes = runJob(b, j).ArrowBytes
		all[i] = j
	}
	return all
}

func setting(b *testing.B, name string, standard int) int {
	b.Helper()
	text := os.Getenv(name)
	if text == "" {
		return standard
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		b.Fatalf("%s is %q, want a number above 0", name, text)
	}
	return n
}
