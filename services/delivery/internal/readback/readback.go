package commit

import (
	"cmp"
	"context"
	"errors"

	"github.com/parquet-go/parquet-go"

	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
	"github.com/customer-exports/exports/services/delivery/internal/encode"
)

// tailBytes is what one request fetches of a file's end; nearly every footer fits.
const tailBytes = 64 << 10

// readBack looks at one visible file: size and checksum as the bucket computed them, and the footer
// of Parquet or every row of text as a library that did not write it understands it.
func readBack(ctx context.Context, d *pending, f file, progress func()) error {
	have, err := d.bucket.Head(ctx, f.receipt.GetKey())
	if errors.Is(err, bucket.ErrNotFound) {
		// Retried: if it is really gone, complete will say so next time.
		return fault.New(fault.DataLoss, fault.ReasonReadBackMismatch, "%s is not there after its upload was completed", f.receipt.GetKey())
	}
	if err != nil {
		return err
	}
	if have != objectOf(f.receipt) {
		return differs(f, "has another size or checksum than what was uploaded")
	}
	source := &ranges{ctx: ctx, store: d.bucket, key: f.receipt.GetKey(), size: have.Bytes}
	if d.revision.Format.FileFormat == drop.Parquet {
		err = readFooter(d, f, source)
	} else {
		err = readText(d, f, source, progress)
	}
	if source.err != nil {
		return source.err
	}
	return err
}

func readFooter(d *pending, f file, source *ranges) error {
	footer, err := openFooter(source)
	if err != nil {
		return differs(f, "cannot be read: %v", err)
	}
	return compare(d, f, footer)
}

func compare(d *pending, f file, footer *parquet.File) error {
	if footer.NumRows() != f.receipt.GetRowCount() {
		return differs(f, "has %d rows in its footer, %d were written", footer.NumRows(), f.receipt.GetRowCount())
	}
	columns := footer.Root().Columns()
	if len(columns) != f.layout.Exported {
		return differs(f, "has %d columns, not %d", len(columns), f.layout.Exported)
	}
	for i, field := range f.layout.Fields[:f.layout.Exported] {
		if columns[i].Name() != field.Name {
			return differs(f, "has column %q where %q belongs", columns[i].Name(), field.Name)
		}
	}
	// A file that is sent once more is the same bytes, and says so.
	if run, _ := footer.Lookup(encode.MetaRunID); run != cmp.Or(d.plan.Run.GetResendsRunId(), d.run.GetRunId()) {
		return differs(f, "is of another run")
	}
	return nil
}

func differs(f file, format string, args ...any) error {
	return fault.New(fault.State, fault.ReasonReadBackMismatch, f.receipt.GetKey()+" "+format, args...)
}

// openFooter reads the footer only. The library panics on some damaged files.
func openFooter(source *ranges) (footer *parquet.File, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fault.New(fault.State, fault.ReasonReadBackMismatch, "decoding the footer: %v", cause)
		}
	}()
	return parquet.OpenFile(source, source.size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
}

// ranges reads an object piece by piece and remembers its end.
type ranges struct {
	ctx   context.Context // of the one read-back that it lives for: io.ReaderAt has no place for it
	store bucket.Objects
	key   string
	size  int64
	tail  []byte
	err   error // the first fault on the way to the object, as opposed to one in it
}

// ReadAt implements io.ReaderAt.
func (r *ranges) ReadAt(p []byte, offset int64) (int, error) {
	start := max(0, r.size-tailBytes)
	if offset >= start && r.tail == nil {
		r.tail = r.fetch(start, r.size-start)
	}
	var data []byte
	if offset >= start && offset+int64(len(p)) <= r.size {
		data = r.tail
		if data != nil {
			data = data[offset-start:]
		}
	} else {
		data = r.fetch(offset, int64(len(p)))
	}
	if r.err != nil {
		return 0, r.err
	}
	return copy(p, data), nil
}

func (r *ranges) fetch(offset, length int64) []byte {
	data, err := r.store.ReadRange(r.ctx, r.key, offset, length)
	if err != nil && r.err == nil {
		r.err = err
	}
	return data
}
