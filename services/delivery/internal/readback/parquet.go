package readback

import (
	"errors"

	"github.com/customer-exports/exports/services/delivery/internal/readback/pages"
)

// metaRunID is the key of a file's own metadata that customers are told of.
const metaRunID = "exports.run_id"

// parquet decodes a file and returns what it counted.
func (r Reader) parquet(w *window, f File) ([]Count, error) {
	file, err := r.open(w, f)
	if err != nil {
		return nil, blame(f, err)
	}
	if err := described(file, f); err != nil {
		return nil, err
	}
	all := counters(f.Columns)
	err = file.Decode(w, func(column int, page *pages.Page) error {
		if err := all[column].take(page); err != nil {
			return err
		}
		return w.alive()
	})
	if err != nil {
		return nil, blame(f, err)
	}
	counts := make([]Count, len(all))
	for i, c := range all {
		counts[i] = c.count()
	}
	return counts, same(f, counts)
}

// open reads the footer, which lies at the end.
func (r Reader) open(w *window, f File) (*pages.File, error) {
	tail, err := w.Tail(pages.TailBytes)
	if err != nil {
		return nil, err
	}
	length, err := pages.FooterBytes(tail, f.Bytes, r.Limits.Pages)
	if err != nil {
		return nil, err
	}
	end, err := w.Tail(length + pages.TailBytes)
	if err != nil {
		return nil, err
	}
	return pages.Open(end[:length], f.Bytes, r.Limits.Pages)
}

// blame makes damage of what is not a fault on the way.
func blame(f File, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errWay):
		return errWay
	default:
		return damaged(f, "%v", err)
	}
}

// described compares what the footer says with what was written.
func described(file *pages.File, f File) error {
	if file.Rows() != f.Rows {
		return differs(f, "has %d rows in its footer, %d were written", file.Rows(), f.Rows)
	}
	columns := file.Columns()
	if len(columns) != len(f.Columns) {
		return differs(f, "has %d columns, not %d", len(columns), len(f.Columns))
	}
	for i, want := range f.Columns {
		have := columns[i]
		if have.Name() != want.Name {
			return differs(f, "has column %q where %q belongs", have.Name(), want.Name)
		}
		if have.Optional() != want.Nullable {
			return differs(f, "column %s has another nullability than was agreed", want.Name)
		}
		if is, agreed := spell(have.Type()), landed(want.Type); is != agreed {
			return differs(f, "column %s is %s, not %s", want.Name, is, agreed)
		}
	}
	// A file that is sent once more is the same bytes, and says so.
	if run, _ := file.Lookup(metaRunID); run != f.RunID {
		return differs(f, "is of another run")
	}
	return nil
}
