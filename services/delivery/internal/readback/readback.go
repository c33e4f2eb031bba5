// Package readback owns the proof of a landed file: it reads the object once from its beginning to its end, sums every byte,
// decodes every page or row, and holds what it finds against what was written.
//
// It shares nothing with the writer: Parquet is decoded by parquet-go (package pages), text by the standard library, and
// what is counted of a column is counted here anew. It believes nothing that a file says of itself: memory is bounded by
// Limits whatever the file is, and so is time. Errors name the file, its columns and places, never a value. Start at
// Reader.Check.
package readback

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
	"github.com/customer-exports/exports/services/delivery/internal/readback/pages"
)

// Limits bound what one file may take.
type Limits struct {
	// Time is the most for one file.
	Time time.Duration
	// PieceBytes is what one request fetches.
	PieceBytes int64
	// RowBytes is the most of a row of text.
	RowBytes int
	// WindowBytes is the most that an unpacker of text may look back.
	WindowBytes uint64
	Pages       pages.Limits
}

// Standard lets in whatever delivery writes. A file takes a piece, a page twice and its dictionary: for a file of ours below
// 16 MiB, and at most about 150 MiB for one that was made to take much.
func Standard() Limits {
	return Limits{Time: 30 * time.Minute, PieceBytes: 4 << 20, RowBytes: 64 << 20, WindowBytes: 16 << 20, Pages: pages.Standard()}
}

// File is what must be found.
type File struct {
	Key               string
	Bytes             int64
	CRC64NVME, SHA256 string // as the manifest spells them; without SHA256 the other one proves the bytes alone
	Format            drop.Format
	Rows              int64
	Columns           []Column
	// Counts has one entry a column, or none when nobody counted.
	Counts []Count
	// RunID is the run that wrote the file first.
	RunID string
}

// Column is a column of a table, in file order.
type Column struct {
	Name     string
	Type     dictionary.Type
	Nullable bool
}

// Reader reads files back. It is safe for concurrent use.
type Reader struct {
	Limits Limits
}

// Check reads one file and returns what it counted of the columns; it calls progress after each piece with
// its bytes. Faults that say what is wrong with the file: FILE_GONE, FILE_CHANGED (its bytes are not those that were written), FILE_DAMAGED (they are, and cannot be read),
// READ_BACK_MISMATCH (they can, and are not what was written); any other is one on the way to it.
func (r Reader) Check(ctx context.Context, store bucket.Objects, f File, progress func(bytes int64)) ([]Count, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, r.Limits.Time, fault.New(fault.Unavailable, fault.ReasonDeadline, "%s was not read within %s", f.Key, r.Limits.Time))
	defer cancel()
	if err := look(ctx, store, f); err != nil {
		return nil, err
	}
	w := newWindow(ctx, store, f, r.Limits.PieceBytes, progress)
	counts, decoded := r.decode(w, f)
	if errors.Is(decoded, errWay) {
		return nil, w.fault()
	}
	// Also after damage: whether the bytes are those that were written says who is to blame.
	if err := w.proven(f); err != nil {
		return nil, err
	}
	return counts, decoded
}

// look asks the bucket, which is cheap.
func look(ctx context.Context, store bucket.Objects, f File) error {
	have, err := store.Head(ctx, f.Key)
	if errors.Is(err, bucket.ErrNotFound) {
		return fault.New(fault.State, fault.ReasonFileGone, "%s is not there", f.Key)
	}
	if err != nil {
		return err
	}
	if have.Bytes != f.Bytes || have.CRC64NVME != "" && have.CRC64NVME != f.CRC64NVME {
		return fault.New(fault.State, fault.ReasonFileChanged, "%s has another size or checksum than what was written", f.Key)
	}
	return nil
}

// decode reads every value.
func (r Reader) decode(w *window, f File) (_ []Count, err error) {
	// The libraries panic on some damaged files.
	defer func() {
		if cause := recover(); cause != nil {
			err = damaged(f, "the decoder gave up: %v", cause)
		}
	}()
	if f.Format.FileFormat == drop.Parquet {
		return r.parquet(w, f)
	}
	return r.text(w, f)
}

func damaged(f File, format string, args ...any) error {
	return fault.New(fault.State, fault.ReasonFileDamaged, "%s cannot be read: %s", f.Key, fmt.Sprintf(format, args...))
}

func differs(f File, format string, args ...any) error {
	return fault.New(fault.State, fault.ReasonReadBackMismatch, "%s %s", f.Key, fmt.Sprintf(format, args...))
}

// Wrong says whether an error of Check is about the file, and not about the way to it.
func Wrong(err error) bool {
	switch fault.ReasonOf(err) {
	case fault.ReasonFileGone, fault.ReasonFileChanged, fault.ReasonFileDamaged, fault.ReasonReadBackMismatch:
		return true
	default:
		return false
	}
}
