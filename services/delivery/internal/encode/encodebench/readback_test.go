package encodebench

import (
	"context"
	"os"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/customer-exports/exports/pkg/drop"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
	"github.com/customer-exports/exports/services/delivery/internal/readback"
	"github.com/customer-exports/exports/services/delivery/internal/tally"
)

// readBack reads back what was written and counted aside.
func readBack(t testing.TB, j job, m *meter) error {
	counts, rows := tally.New(layoutOf(t, j.Table)), int64(0)
	var fault error
	m.aside(func() {
		fault = aside(t, j, &meter{}, func(batch arrow.Record) error {
			counts.Take(batch)
			rows += batch.NumRows()
			return nil
		})
	})
	if fault != nil {
		return fault
	}
	var want readback.File
	var landed disk
	m.aside(func() { landed, want, fault = land(t, j, rows, counts.Counts()) })
	if fault != nil {
		return fault
	}
	_, err := readback.Reader{Limits: readback.Standard()}.Check(t.Context(), landed, want, func(int64) {})
	return err
}

func land(t testing.TB, j job, rows int64, counts []*deliveryv1.ColumnCount) (disk, readback.File, error) {
	data, err := os.ReadFile(j.Out)
	if err != nil {
		return disk{}, readback.File{}, err
	}
	file := readback.File{
		Key: j.Out, Bytes: int64(len(data)), CRC64NVME: bucket.Checksum(data), SHA256: drop.Digest(data), Rows: rows, RunID: "bench",
	}
	for _, f := range layoutOf(t, j.Table).Fields[:layoutOf(t, j.Table).Exported] {
		file.Columns = append(file.Columns, readback.Column{Name: f.Name, Type: f.Column.Type, Nullable: f.Column.Nullable})
	}
	for _, c := range counts {
		file.Counts = append(file.Counts, readback.Count{Nulls: c.GetNullCount(), Sum: c.GetSum(), CRC: c.GetCrc64Nvme()})
	}
	return disk{data: data}, file, nil
}

// disk is a bucket of one file, which costs what copying a piece does.
type disk struct {
	bucket.Objects
	data []byte
}

func (d disk) Head(context.Context, string) (bucket.Object, error) {
	return bucket.Object{Bytes: int64(len(d.data))}, nil
}

func (d disk) ReadRange(_ context.Context, _ string, offset int64, room []byte) error {
	copy(room, d.data[offset:])
	return nil
}
