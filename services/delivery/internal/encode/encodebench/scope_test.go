package encodebench

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"text/tabwriter"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/customer-exports/exports/pkg/scope"
	commonv1 "github.com/customer-exports/exports/proto/exports/common/v1"
	"github.com/customer-exports/exports/services/delivery/internal/encode"
	"github.com/customer-exports/exports/services/delivery/internal/guard"
	"github.com/customer-exports/exports/services/delivery/internal/tally"
)

// BenchmarkScope compares what the scope guard and the counting of columns cost with what the encoder costs, whose rows they
// see: for the largest scope that a customer may have, and the cheapest codec. The pipeline as a whole costs more, so their
// share there is smaller.
func BenchmarkScope(b *testing.B) {
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(table, "table\tstage\tCPU s/GB\tx encoder\tM rows/CPU s\t")
	for _, in := range inputs(b) {
		in.Codec = "snappy"
		for _, r := range race(b, in, stages) {
			_, _ = fmt.Fprintf(table, "%s\t%s\t%.3f\t%.3f\t%.2f\t\n", in.Table, r.name, r.perGB, r.times, float64(in.Rows)/1e6/r.seconds)
		}
	}
	_ = table.Flush()
	_, _ = fmt.Fprintf(os.Stdout, "Once a part: %.1f CPU ms to prepare a scope of %d locations.\n", preparing(b), largest)
	b.ReportMetric(0, "ns/op") // the table says it all
}

// stages are those of delivery that look at every row.
var stages = []contender{{ours, delivery}, {"guard", guarded}, {"tally", counted}, {"read back", readBack}}

// largest is the most locations that a scope may have.
const largest = 50_000

// preparing is the mean of what everything costs, in CPU milliseconds.
func preparing(t testing.TB) float64 {
	t.Helper()
	const times = 10
	before := cpu()
	for range times {
		everything(t)
	}
	return (cpu() - before) * 1000 / times
}

// guarded checks every batch.
func guarded(t testing.TB, j job, m *meter) error {
	var set *scope.Set
	m.aside(func() { set = everything(t) })
	check, err := guard.New(layoutOf(t, j.Table), set, 0)
	if err != nil {
		return err
	}
	return aside(t, j, m, check.Check)
}

// counted counts every column.
func counted(t testing.TB, j job, m *meter) error {
	counts := tally.New(layoutOf(t, j.Table))
	return aside(t, j, m, func(batch arrow.Record) error {
		counts.Take(batch)
		return nil
	})
}

// aside measures what looks at every batch, and writes it unmeasured.
func aside(t testing.TB, j job, m *meter, look func(arrow.Record) error) (err error) {
	out, err := os.Create(j.Out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	file, err := encode.NewParquet(out, encode.File{RunID: "bench", Layout: layoutOf(t, j.Table), Compression: encode.Snappy}, encode.Options{})
	if err != nil {
		return err
	}
	err = j.each(t, m, func(batch arrow.Record) error {
		err := look(batch)
		m.aside(func() { err = errors.Join(err, file.Write(batch)) })
		return err
	})
	m.aside(func() {
		_, closed := file.Close()
		err = errors.Join(err, closed)
	})
	return err
}

// everything is a scope with every brand and location of the tables.
func everything(t testing.TB) *scope.Set {
	t.Helper()
	s := &commonv1.Scope{Brands: brands}
	for i := range largest {
		s.LocationIds = append(s.LocationIds, location(i))
	}
	set, err := scope.FromProto(s)
	if err != nil {
		t.Fatal(err)
	}
	return set
}
