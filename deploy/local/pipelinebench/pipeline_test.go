// Package pipelinebench measures what moving rows from the source into a bucket costs: extractor and delivery as processes of
// their own, everything else beside them. It holds no product code. Start reading at BenchmarkPipeline.
package pipelinebench

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
)

// repeats is how often a table is moved, for medians.
const repeats = 3

// BenchmarkPipeline moves tables of so many million rows as EXPORTS_PIPELINE_ROWS lists, 10 and 50 when it is not set. The
// source answers from results that an export before left, so that it is not what is measured.
func BenchmarkPipeline(b *testing.B) {
	if b.N > 1 {
		b.Fatal("run it with -benchtime 1x")
	}
	var all []figures
	for _, millions := range sizes(b) {
		b.Logf("%g million rows: filling the source", millions)
		p := prepare(b, millions)
		var runs []figures
		for i := range repeats {
			runs = append(runs, p.move(b))
			b.Logf("%g million rows: moved %d of %d times, %.1f CPU s", millions, i+1, repeats, runs[i].cpu())
		}
		p.close(b)
		all = append(all, median(runs))
	}
	show(all)
}

func sizes(b *testing.B) (millions []float64) {
	b.Helper()
	text := os.Getenv("EXPORTS_PIPELINE_ROWS")
	if text == "" {
		text = "10 50"
	}
	for _, word := range strings.Fields(text) {
		n, err := strconv.ParseFloat(word, 64)
		if err != nil || n <= 0 {
			b.Fatalf("EXPORTS_PIPELINE_ROWS: %q is not a number of million rows", word)
		}
		millions = append(millions, n)
	}
	return millions
}

// figures are those of one export. CPU is in seconds, RSS and sizes are in bytes.
type figures struct {
	rows, arrow, files         int64
	parts                      int
	wall                       float64
	extractorCPU, deliveryCPU  float64
	extractorPeak, deliveryRSS int64
}

func (f figures) cpu() float64 { return f.extractorCPU + f.deliveryCPU }

// median is the run with the median CPU, whose figures so belong together.
func median(runs []figures) figures {
	slices.SortFunc(runs, func(a, b figures) int { return int((a.cpu() - b.cpu()) * 1e6) })
	return runs[len(runs)/2]
}

func show(all []figures) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(w, "M rows\tGB Arrow\tMB files\tparts\twall s\textractor CPU s\tper GB\tpeak MiB\tdelivery CPU s\tper GB\tpeak MiB\tM rows/CPU s\t")
	for _, f := range all {
		gb := float64(f.arrow) / 1e9
		_, _ = fmt.Fprintf(w, "%.1f\t%.2f\t%d\t%d\t%.1f\t%.1f\t%.2f\t%d\t%.1f\t%.2f\t%d\t%.2f\t\n", float64(f.rows)/1e6, gb, f.files/1e6, f.parts, f.wall,
			f.extractorCPU, f.extractorCPU/gb, f.extractorPeak>>20, f.deliveryCPU, f.deliveryCPU/gb, f.deliveryRSS>>20, float64(f.rows)/1e6/f.cpu())
	}
	_ = w.Flush()
}
