package commit

import (
	"cmp"
	"context"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/fault"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	"github.com/customer-exports/exports/services/delivery/internal/readback"
)

// readBack proves one visible file. Whatever is wrong with it has one name here, because the run cannot be committed.
func readBack(ctx context.Context, d *pending, f file, progress func()) error {
	reader := readback.Reader{Limits: readback.Standard()}
	_, err := reader.Check(ctx, d.bucket, d.written(f), func(int64) { progress() })
	if !readback.Wrong(err) {
		return err
	}
	kind := fault.State
	if fault.ReasonOf(err) == fault.ReasonFileGone {
		kind = fault.DataLoss // retried: if it is really gone, complete will say so next time
	}
	named, _ := fault.Of(err)
	return fault.New(kind, fault.ReasonReadBackMismatch, "%s", named.Message)
}

// written is what the file must be. That its bytes are those that were sent, their CRC proves, and each column's digest that
// they hold what was meant; its SHA-256 is for whoever reads the drop later.
func (d *pending) written(f file) readback.File {
	return readback.File{
		Key: f.receipt.GetKey(), Bytes: f.receipt.GetFileBytes(), CRC64NVME: f.receipt.GetCrc64Nvme(),
		Format: d.revision.Format, Rows: f.receipt.GetRowCount(), Columns: columnsOf(f.layout), Counts: countsOf(f.receipt),
		// A file that is sent once more is the same bytes, and says so.
		RunID: cmp.Or(d.plan.Run.GetResendsRunId(), d.run.GetRunId()),
	}
}

func columnsOf(layout *dictionary.Layout) []readback.Column {
	columns := make([]readback.Column, 0, layout.Exported)
	for _, f := range layout.Fields[:layout.Exported] {
		columns = append(columns, readback.Column{Name: f.Name, Type: f.Column.Type, Nullable: f.Column.Nullable})
	}
	return columns
}

func countsOf(r *deliveryv1.Receipt) []readback.Count {
	counts := make([]readback.Count, 0, len(r.GetColumns()))
	for _, c := range r.GetColumns() {
		counts = append(counts, readback.Count{Nulls: c.GetNullCount(), Sum: c.GetSum(), CRC: c.GetCrc64Nvme()})
	}
	return counts
}
