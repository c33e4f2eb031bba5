package commit_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
)

// crashing lets the first calls through and fails every later one: before it does anything, or, with
// answerLost, after it was done once. That is a process that dies, or a network that does.
type crashing struct {
	bucket.Bucket
	after      int64
	answerLost bool
	calls      atomic.Int64
}

// pass runs one call, or the last one whose answer is lost, or none.
func (c *crashing) pass(call func() error) error {
	n := c.calls.Add(1)
	switch {
	case n <= c.after:
		return call()
	case n == c.after+1 && c.answerLost:
		_ = call()
	}
	return fault.Wrap(errAway, fault.Unavailable, fault.ReasonBucketUnavailable, "reaching the bucket")
}

func (c *crashing) CompleteUpload(ctx context.Context, u bucket.Upload, p []bucket.Uploaded, want bucket.Object) error {
	return c.pass(func() error { return c.Bucket.CompleteUpload(ctx, u, p, want) })
}

func (c *crashing) ListUploads(ctx context.Context, prefix string) (list []bucket.Upload, err error) {
	err = c.pass(func() error { list, err = c.Bucket.ListUploads(ctx, prefix); return err })
	return list, err
}

func (c *crashing) AbortUpload(ctx context.Context, u bucket.Upload) error {
	return c.pass(func() error { return c.Bucket.AbortUpload(ctx, u) })
}

func (c *crashing) Head(ctx context.Context, key string) (o bucket.Object, err error) {
	err = c.pass(func() error { o, err = c.Bucket.Head(ctx, key); return err })
	return o, err
}

func (c *crashing) ReadRange(ctx context.Context, key string, offset, length int64) (data []byte, err error) {
	err = c.pass(func() error { data, err = c.Bucket.ReadRange(ctx, key, offset, length); return err })
	return data, err
}

func (c *crashing) Get(ctx context.Context, key string) (data []byte, etag string, err error) {
	err = c.pass(func() error { data, etag, err = c.Bucket.Get(ctx, key); return err })
	return data, etag, err
}

func (c *crashing) PutNew(ctx context.Context, key string, data []byte) error {
	return c.pass(func() error { return c.Bucket.PutNew(ctx, key, data) })
}

func (c *crashing) Replace(ctx context.Context, key string, data []byte, etag string) error {
	return c.pass(func() error { return c.Bucket.Replace(ctx, key, data, etag) })
}

// unreadable has an S3 that stores and tells, but does not give.
type unreadable struct{ bucket.Bucket }

func (unreadable) ReadRange(context.Context, string, int64, int64) ([]byte, error) {
	return nil, fault.Wrap(errAway, fault.Unavailable, fault.ReasonBucketUnavailable, "reading")
}

// TestCommitFinishesAfterACrashAtAnyStep crashes the commit after each of its calls in turn, both
// before and after the next call took effect, and then has the task delivered again.
func TestCommitFinishesAfterACrashAtAnyStep(t *testing.T) {
	for _, answerLost := range []bool{false, true} {
		for after, whole := int64(0), false; !whole; after++ {
			t.Run(fmt.Sprintf("after %d calls, answer lost %t", after, answerLost), func(t *testing.T) {
				f := newFixture(t)
				broken := &crashing{Bucket: f.bucket, after: after, answerLost: answerLost}
				f.committer.Buckets = opened{broken}
				err := f.commit(t)
				whole = broken.calls.Load() <= after
				if !whole && err != nil && !fault.Retryable(err) {
					t.Fatalf("a crash became final: %v", err)
				}
				f.committer.Buckets = opened{f.bucket}
				if err := f.commit(t); err != nil {
					t.Fatalf("the task delivered again: %v", err)
				}
				f.complete(t)
			})
		}
	}
}

// TestTwoCommittersAtOnce has the task delivered to two workers, as after a stall.
func TestTwoCommittersAtOnce(t *testing.T) {
	f := newFixture(t)
	results := make(chan error, 2)
	for range 2 {
		go func() { results <- f.committer.Commit(t.Context(), f.run, func() {}) }()
	}
	for range 2 {
		if err := <-results; err != nil && !fault.Retryable(err) {
			t.Errorf("one of two committers: %v", err)
		}
	}
	if err := f.commit(t); err != nil {
		t.Fatal(err)
	}
	f.complete(t)
}
