// Package readback owns the proof that a file which landed is the one that was written, and can be read: every byte is fetched
// and summed, and every page or row is decoded by a library that had no part in writing it.
//
// It believes nothing that the bucket or the file says of itself, needs memory for one page or row however large the file is,
// and room for one file in the folder for temporary files. It refuses to mend or delete. Start at Prove.
package readback

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/minio/crc64nvme"

	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
)

// chunkBytes is what one request fetches of a file.
const chunkBytes = 4 << 20

// File is what must be there, as a receipt or a manifest has it.
type File struct {
	Key    string
	Object bucket.Object
	Rows   int64
	Format drop.Format
	// Columns are the names, in the file's order.
	Columns []string
	// RunID is that of the run which wrote the bytes first; Parquet files carry it.
	RunID string
}

// Prove reads one file from its first byte to its last; fault READ_BACK_MISMATCH says in which way it is not the file that is
// wanted, of kind DataLoss when it is not there. It calls progress after each piece. No fault cites a value.
func Prove(ctx context.Context, store bucket.Objects, f File, progress func()) error {
	have, err := store.Head(ctx, f.Key)
	if errors.Is(err, bucket.ErrNotFound) {
		return fault.New(fault.DataLoss, fault.ReasonReadBackMismatch, "%s is not there", f.Key)
	}
	if err != nil {
		return err
	}
	if have.Bytes != f.Object.Bytes || have.CRC64NVME != "" && have.CRC64NVME != f.Object.CRC64NVME {
		return f.differs("has another size or checksum than what was uploaded")
	}
	source := &pieces{ctx: ctx, store: store, key: f.Key, size: have.Bytes, progress: progress}
	if f.Format.FileFormat == drop.Parquet {
		err = f.proveParquet(source)
	} else {
		err = f.proveText(source)
	}
	if source.err != nil {
		return source.err
	}
	return err
}

func (f File) differs(format string, args ...any) error {
	return fault.New(fault.State, fault.ReasonReadBackMismatch, f.Key+" "+format, args...)
}

// proveText decodes the file as it comes, then compares the sum of what came.
func (f File) proveText(source *pieces) error {
	if err := f.rows(source); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, source); err != nil { // a decoder may stop before the last byte
		return err
	}
	return f.sums(source)
}

// proveParquet keeps the file beside, because it is read from its end; nothing is decoded before the sum agrees.
func (f File) proveParquet(source *pieces) (err error) {
	beside, err := os.CreateTemp("", "readback-")
	if err != nil {
		return fmt.Errorf("keeping a file to read it back: %w", err)
	}
	defer func() { err = errors.Join(err, beside.Close(), os.Remove(beside.Name())) }()
	if _, err := io.Copy(beside, source); err != nil {
		return fmt.Errorf("keeping a file to read it back: %w", err)
	}
	if err := f.sums(source); err != nil {
		return err
	}
	return f.pages(beside)
}

func (f File) sums(source *pieces) error {
	if bucket.SpellChecksum(source.sum) != f.Object.CRC64NVME {
		return f.differs("holds other bytes than what was uploaded")
	}
	return nil
}

// pieces reads an object from its beginning to its end, and sums it.
type pieces struct {
	ctx      context.Context // of the one read-back that it lives for: io.Reader has no place for it
	store    bucket.Objects
	key      string
	size     int64
	progress func()

	fetched int64
	here    []byte
	sum     uint64
	err     error // the first fault on the way to the object, as opposed to one in it
}

// Read implements io.Reader.
func (p *pieces) Read(to []byte) (int, error) {
	if len(p.here) == 0 {
		if p.fetched >= p.size {
			return 0, io.EOF
		}
		if p.here, p.err = p.fetch(); p.err != nil {
			return 0, p.err
		}
	}
	n := copy(to, p.here)
	p.here = p.here[n:]
	return n, nil
}

func (p *pieces) fetch() ([]byte, error) {
	want := min(chunkBytes, p.size-p.fetched)
	data, err := p.store.ReadRange(p.ctx, p.key, p.fetched, want)
	if err != nil {
		return nil, err
	}
	if int64(len(data)) != want {
		return nil, fault.New(fault.Unavailable, fault.ReasonBucketUnavailable, "reading %s: %d bytes of %d came", p.key, len(data), want)
	}
	p.fetched, p.sum = p.fetched+want, crc64nvme.Update(p.sum, data)
	p.progress()
	return data, nil
}
