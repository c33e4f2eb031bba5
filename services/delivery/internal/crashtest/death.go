package crashtest

import (
	"context"
	"errors"
	"sync"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
)

var errDead = errors.New("the process is dead")

// Death is the end of a process, or of its network, at one of the calls that it makes of a bucket.
type Death struct {
	step       int64 // from 1
	answerLost bool

	mu    sync.Mutex
	calls int64
}

// Came says whether there was a call to die at.
func (d *Death) Came() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.calls >= d.step
}

// Of is a bucket that the process reaches until it dies: that call fails, and every later one. The reader looks after
// every write that took effect.
func (d *Death) Of(b bucket.Bucket, r *Reader) bucket.Bucket { return &Bucket{b, d, r} }

// Watched is a bucket that nobody dies at.
func Watched(b bucket.Bucket, r *Reader) bucket.Bucket { return &Bucket{b, nil, r} }

// Bucket is a customer's bucket with a reader, who looks after every write.
type Bucket struct {
	bucket.Bucket
	death  *Death // nil: it does not come
	reader *Reader
}

// Open gives the same bucket whatever is asked for.
func (b *Bucket) Open(bucket.Destination) bucket.Bucket { return b }

// read makes a call unless the process is dead.
func (b *Bucket) read(call func() error) error {
	if b.death == nil {
		return call()
	}
	b.death.mu.Lock()
	defer b.death.mu.Unlock()
	b.death.calls++
	switch n := b.death.calls; {
	case n < b.death.step:
		return call()
	case n == b.death.step && b.death.answerLost:
		_ = call()
	}
	return fault.Wrap(errDead, fault.Unavailable, fault.ReasonBucketUnavailable, "reaching the bucket")
}

// write makes a call that changes something, and has the reader look before the next one.
func (b *Bucket) write(call func() error) error {
	return b.read(func() error { return b.reader.after(call) })
}

// StartUpload implements bucket.Uploads.
func (b *Bucket) StartUpload(ctx context.Context, key string) (id string, err error) {
	err = b.write(func() error { id, err = b.Bucket.StartUpload(ctx, key); return err })
	return id, err
}

// UploadPiece implements bucket.Uploads.
func (b *Bucket) UploadPiece(ctx context.Context, u bucket.Upload, p bucket.Piece) (etag string, err error) {
	err = b.write(func() error { etag, err = b.Bucket.UploadPiece(ctx, u, p); return err })
	return etag, err
}

// CopyPiece implements bucket.Copies.
func (b *Bucket) CopyPiece(ctx context.Context, u bucket.Upload, number int32, from bucket.Span) (p bucket.Uploaded, err error) {
	err = b.write(func() error { p, err = b.Bucket.CopyPiece(ctx, u, number, from); return err })
	return p, err
}

// CompleteUpload implements bucket.Completions.
func (b *Bucket) CompleteUpload(ctx context.Context, u bucket.Upload, p []bucket.Uploaded, want bucket.Object) error {
	return b.write(func() error { return b.Bucket.CompleteUpload(ctx, u, p, want) })
}

// AbortUpload implements bucket.Uploads.
func (b *Bucket) AbortUpload(ctx context.Context, u bucket.Upload) error {
	return b.write(func() error { return b.Bucket.AbortUpload(ctx, u) })
}

// ListUploads implements bucket.Completions.
func (b *Bucket) ListUploads(ctx context.Context, prefix string) (list []bucket.Open, err error) {
	err = b.read(func() error { list, err = b.Bucket.ListUploads(ctx, prefix); return err })
	return list, err
}

// Head implements bucket.Objects.
func (b *Bucket) Head(ctx context.Context, key string) (o bucket.Object, err error) {
	err = b.read(func() error { o, err = b.Bucket.Head(ctx, key); return err })
	return o, err
}

// ReadRange implements bucket.Objects.
func (b *Bucket) ReadRange(ctx context.Context, key string, offset int64, room []byte) error {
	return b.read(func() error { return b.Bucket.ReadRange(ctx, key, offset, room) })
}

// Delete implements bucket.Objects.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	return b.write(func() error { return b.Bucket.Delete(ctx, key) })
}

// Get implements bucket.Controls.
func (b *Bucket) Get(ctx context.Context, key string) (data []byte, etag string, err error) {
	err = b.read(func() error { data, etag, err = b.Bucket.Get(ctx, key); return err })
	return data, etag, err
}

// PutNew implements bucket.Controls.
func (b *Bucket) PutNew(ctx context.Context, key string, data []byte) error {
	return b.write(func() error { return b.Bucket.PutNew(ctx, key, data) })
}

// Replace implements bucket.Controls.
func (b *Bucket) Replace(ctx context.Context, key string, data []byte, etag string) error {
	return b.write(func() error { return b.Bucket.Replace(ctx, key, data, etag) })
}
