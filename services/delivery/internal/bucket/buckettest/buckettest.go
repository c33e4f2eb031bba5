// Package buckettest is the acceptance suite of bucket.Bucket: what commit and part rely upon,
// checked against every implementation. Start at Run.
package buckettest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
)

const (
	prefix = "analytics-export/"
	ghost  = "analytics-export/ghost"
)

// Key is the encryption key of the third bucket that Run is given.
const Key = "arn:aws:kms:us-east-1:111122223333:key/9f1c2d3e-0000-4444-8888-123456789abc"

// Run checks an empty bucket; the same bucket opened with a wrong expected owner; and opened with the
// key Key.
func Run(t *testing.T, b, foreign, keyed bucket.Bucket) {
	t.Run("upload is invisible until completed", func(t *testing.T) { uploadVisibility(t, b) })
	t.Run("complete refuses what was not uploaded", func(t *testing.T) { completeRefusals(t, b) })
	t.Run("an object without bytes", func(t *testing.T) { nothing(t, b) })
	t.Run("abort leaves nothing", func(t *testing.T) { abort(t, b) })
	t.Run("copies are the same bytes", func(t *testing.T) { copied(t, b) })
	t.Run("copies of what is not there", func(t *testing.T) { copyRefusals(t, b) })
	t.Run("objects that are not there", func(t *testing.T) { absent(t, b) })
	t.Run("control objects are written once", func(t *testing.T) { writeOnce(t, b) })
	t.Run("replace needs the ETag", func(t *testing.T) { replace(t, b) })
	t.Run("keys are listed", func(t *testing.T) { list(t, b) })
	t.Run("every object is encrypted with the key", func(t *testing.T) { encrypted(t, keyed) })
	t.Run("foreign owner is denied everything", func(t *testing.T) { denied(t, foreign) })
}

func uploadVisibility(t *testing.T, b bucket.Bucket) {
	ctx, key := t.Context(), prefix+"visible.parquet"
	u, pieces, data := upload(t, b, key)
	if _, err := b.Head(ctx, key); !errors.Is(err, bucket.ErrNotFound) {
		t.Fatalf("Head before complete: got %v, want ErrNotFound", err)
	}
	want := bucket.Object{Bytes: int64(len(data)), CRC64NVME: bucket.Checksum(data)}
	if err := b.CompleteUpload(ctx, u, pieces, want); err != nil {
		t.Fatalf("CompleteUpload: %v", err)
	}
	if got, err := b.Head(ctx, key); err != nil || got != want {
		t.Errorf("Head: got %+v, %v, want %+v", got, err, want)
	}
	offset, got := int64(len(data)-9), make([]byte, 5)
	if err := b.ReadRange(ctx, key, offset, got); err != nil || !bytes.Equal(got, data[offset:offset+5]) {
		t.Errorf("ReadRange: got %q, %v, want %q", got, err, data[offset:offset+5])
	}
	if err := b.CompleteUpload(ctx, u, pieces, want); err != nil && !errors.Is(err, bucket.ErrNoUpload) {
		t.Errorf("CompleteUpload again: got %v, want nil or ErrNoUpload", err)
	}
	for range 2 {
		if err := b.Delete(ctx, key); err != nil {
			t.Errorf("Delete: %v", err)
		}
	}
	if _, err := b.Head(ctx, key); !errors.Is(err, bucket.ErrNotFound) {
		t.Errorf("Head after delete: got %v, want ErrNotFound", err)
	}
}

// nothing is what JSON Lines without rows and without compression are.
func nothing(t *testing.T, b bucket.Bucket) {
	ctx, key, want := t.Context(), prefix+"nothing.jsonl", bucket.Object{CRC64NVME: bucket.Checksum(nil)}
	id, err := b.StartUpload(ctx, key)
	if err != nil {
		t.Fatal(err)
	}
	u, piece := bucket.Upload{Key: key, ID: id}, bucket.Piece{Number: 1, CRC64NVME: bucket.Checksum(nil)}
	etag, err := b.UploadPiece(ctx, u, piece)
	if err != nil {
		t.Fatalf("UploadPiece: %v", err)
	}
	if err := b.CompleteUpload(ctx, u, []bucket.Uploaded{{Number: 1, ETag: etag, CRC64NVME: piece.CRC64NVME}}, want); err != nil {
		t.Fatalf("CompleteUpload: %v", err)
	}
	if got, err := b.Head(ctx, key); err != nil || got != want {
		t.Errorf("Head: got %+v, %v, want %+v", got, err, want)
	}
	if err := b.Delete(ctx, key); err != nil {
		t.Errorf("Delete: %v", err)
	}
}

func completeRefusals(t *testing.T, b bucket.Bucket) {
	ctx, key := t.Context(), prefix+"refused.parquet"
	u, pieces, data := upload(t, b, key)
	if err := b.CompleteUpload(ctx, u, pieces, bucket.Object{Bytes: int64(len(data)), CRC64NVME: bucket.Checksum(nil)}); err == nil {
		t.Error("CompleteUpload with a wrong checksum: got nil")
	}
	if err := b.CompleteUpload(ctx, u, pieces, bucket.Object{Bytes: 1, CRC64NVME: bucket.Checksum(data)}); err == nil {
		t.Error("CompleteUpload with a wrong size: got nil")
	}
	if _, err := b.UploadPiece(ctx, u, bucket.Piece{Number: 1, Data: []byte("x"), CRC64NVME: bucket.Checksum([]byte("y"))}); err == nil {
		t.Error("UploadPiece with a wrong checksum: got nil")
	}
	if _, err := b.Head(ctx, key); !errors.Is(err, bucket.ErrNotFound) {
		t.Errorf("Head after refusals: got %v, want ErrNotFound", err)
	}
	if err := b.AbortUpload(ctx, u); err != nil {
		t.Errorf("AbortUpload: %v", err)
	}
}

func abort(t *testing.T, b bucket.Bucket) {
	ctx, key := t.Context(), prefix+"aborted.parquet"
	u, pieces, data := upload(t, b, key)
	listed, err := b.ListUploads(ctx, prefix)
	if err != nil || len(listed) != 1 || listed[0].Upload != u || time.Since(listed[0].StartTime).Abs() > time.Hour {
		t.Errorf("ListUploads: got %v, %v, want %v", listed, err, u)
	}
	if err := b.AbortUpload(ctx, u); err != nil {
		t.Fatalf("AbortUpload: %v", err)
	}
	if listed, err := b.ListUploads(ctx, prefix); err != nil || len(listed) != 0 {
		t.Errorf("ListUploads after abort: got %v, %v, want none", listed, err)
	}
	if err := b.AbortUpload(ctx, u); err != nil && !errors.Is(err, bucket.ErrNoUpload) {
		t.Errorf("AbortUpload again: got %v, want nil or ErrNoUpload", err)
	}
	err = b.CompleteUpload(ctx, u, pieces, bucket.Object{Bytes: int64(len(data)), CRC64NVME: bucket.Checksum(data)})
	if !errors.Is(err, bucket.ErrNoUpload) {
		t.Errorf("CompleteUpload after abort: got %v, want ErrNoUpload", err)
	}
}

func absent(t *testing.T, b bucket.Bucket) {
	ctx := t.Context()
	if _, err := b.Head(ctx, ghost); !errors.Is(err, bucket.ErrNotFound) {
		t.Errorf("Head: got %v, want ErrNotFound", err)
	}
	if err := b.ReadRange(ctx, ghost, 0, make([]byte, 1)); !errors.Is(err, bucket.ErrNotFound) {
		t.Errorf("ReadRange: got %v, want ErrNotFound", err)
	}
	if _, _, err := b.Get(ctx, ghost); !errors.Is(err, bucket.ErrNotFound) {
		t.Errorf("Get: got %v, want ErrNotFound", err)
	}
	if _, err := b.Encryption(ctx, ghost); !errors.Is(err, bucket.ErrNotFound) {
		t.Errorf("Encryption: got %v, want ErrNotFound", err)
	}
	if err := b.Replace(ctx, ghost, []byte("x"), `"d41d8cd98f00b204e9800998ecf8427e"`); !errors.Is(err, bucket.ErrStale) {
		t.Errorf("Replace: got %v, want ErrStale", err)
	}
}

func writeOnce(t *testing.T, b bucket.Bucket) {
	ctx, key := t.Context(), prefix+"_manifests/once.json"
	if err := b.PutNew(ctx, key, []byte("first")); err != nil {
		t.Fatalf("PutNew: %v", err)
	}
	if err := b.PutNew(ctx, key, []byte("second")); !errors.Is(err, bucket.ErrExists) {
		t.Errorf("PutNew again: got %v, want ErrExists", err)
	}
	if got, _, err := b.Get(ctx, key); err != nil || string(got) != "first" {
		t.Errorf("Get: got %q, %v, want first", got, err)
	}
}

func replace(t *testing.T, b bucket.Bucket) {
	ctx, key := t.Context(), prefix+"_manifests/replaced.json"
	if err := b.PutNew(ctx, key, []byte("one")); err != nil {
		t.Fatalf("PutNew: %v", err)
	}
	_, etag, err := b.Get(ctx, key)
	if err != nil {
		t.Fatalf("Get: %v", err)
	}
	if err := b.Replace(ctx, key, []byte("two"), etag); err != nil {
		t.Fatalf("Replace: %v", err)
	}
	if err := b.Replace(ctx, key, []byte("three"), etag); !errors.Is(err, bucket.ErrStale) {
		t.Errorf("Replace with an old ETag: got %v, want ErrStale", err)
	}
	if got, _, err := b.Get(ctx, key); err != nil || string(got) != "two" {
		t.Errorf("Get: got %q, %v, want two", got, err)
	}
}

func list(t *testing.T, b bucket.Bucket) {
	ctx, folder := t.Context(), prefix+"listed/"
	for _, name := range []string{"a", "b"} {
		if err := b.PutNew(ctx, folder+name, []byte(name)); err != nil {
			t.Fatalf("PutNew: %v", err)
		}
	}
	got, err := b.List(ctx, folder)
	slices.Sort(got)
	if want := []string{folder + "a", folder + "b"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("List: got %v, %v, want %v", got, err, want)
	}
	if got, err := b.List(ctx, prefix+"nothing/"); err != nil || len(got) != 0 {
		t.Errorf("List of nothing: got %v, %v, want none", got, err)
	}
}

func encrypted(t *testing.T, b bucket.Bucket) {
	ctx, file, control := t.Context(), prefix+"keyed.parquet", prefix+"_manifests/keyed.json"
	u, pieces, data := upload(t, b, file)
	if err := b.CompleteUpload(ctx, u, pieces, bucket.Object{Bytes: int64(len(data)), CRC64NVME: bucket.Checksum(data)}); err != nil {
		t.Fatalf("CompleteUpload: %v", err)
	}
	if err := b.PutNew(ctx, control, []byte("one")); err != nil {
		t.Fatalf("PutNew: %v", err)
	}
	want := bucket.Encryption{Algorithm: "aws:kms", KMSKey: Key}
	for _, key := range []string{file, control} {
		if got, err := b.Encryption(ctx, key); err != nil || got != want {
			t.Errorf("Encryption of %s: got %+v, %v, want %+v", key, got, err, want)
		}
	}
	_, etag, err := b.Get(ctx, control)
	if err != nil {
		t.Fatalf("Get: %v", err)
	}
	if err := b.Replace(ctx, control, []byte("two"), etag); err != nil {
		t.Fatalf("Replace: %v", err)
	}
	if got, err := b.Encryption(ctx, control); err != nil || got != want {
		t.Errorf("Encryption after Replace: got %+v, %v, want %+v", got, err, want)
	}
}

func denied(t *testing.T, b bucket.Bucket) {
	ctx := context.WithoutCancel(t.Context())
	u := bucket.Upload{Key: ghost, ID: "none"}
	calls := map[string]func() error{
		"CopyPiece":   func() error { _, err := b.CopyPiece(ctx, u, 1, bucket.Span{Key: ghost, Length: 1}); return err },
		"StartUpload": func() error { _, err := b.StartUpload(ctx, ghost); return err },
		"ListUploads": func() error { _, err := b.ListUploads(ctx, prefix); return err },
		"Complete":    func() error { return b.CompleteUpload(ctx, u, nil, bucket.Object{}) },
		"Head":        func() error { _, err := b.Head(ctx, ghost); return err },
		"List":        func() error { _, err := b.List(ctx, prefix); return err },
		"Encryption":  func() error { _, err := b.Encryption(ctx, ghost); return err },
		"Get":         func() error { _, _, err := b.Get(ctx, ghost); return err },
		"Delete":      func() error { return b.Delete(ctx, ghost) },
		"PutNew":      func() error { return b.PutNew(ctx, ghost, []byte("x")) },
	}
	for name, call := range calls {
		if err := call(); fault.ReasonOf(err) != fault.ReasonBucketOwnerMismatch || fault.Retryable(err) {
			t.Errorf("%s: got %v, want BUCKET_OWNER_MISMATCH, never retried", name, err)
		}
	}
}

// upload stores two pieces and leaves the upload open.
func upload(t *testing.T, b bucket.Bucket, key string) (bucket.Upload, []bucket.Uploaded, []byte) {
	t.Helper()
	data := []byte(strings.Repeat("0123456789abcdef", bucket.MinPieceBytes/16) + "the last piece")
	id, err := b.StartUpload(t.Context(), key)
	if err != nil {
		t.Fatalf("StartUpload: %v", err)
	}
	u := bucket.Upload{Key: key, ID: id}
	var pieces []bucket.Uploaded
	for i, cut := range [][]byte{data[:bucket.MinPieceBytes], data[bucket.MinPieceBytes:]} {
		p := bucket.Piece{Number: int32(i + 1), Data: cut, CRC64NVME: bucket.Checksum(cut)}
		etag, err := b.UploadPiece(t.Context(), u, p)
		if err != nil {
			t.Fatalf("UploadPiece: %v", err)
		}
		pieces = append(pieces, bucket.Uploaded{Number: p.Number, ETag: etag, CRC64NVME: p.CRC64NVME})
	}
	return u, pieces, data
}
