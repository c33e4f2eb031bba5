package buckettest

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/customer-exports/exports/services/delivery/internal/bucket"
)

// copied copies a file in one piece, and an object in two.
func copied(t *testing.T, b bucket.Bucket) {
	file, control := prefix+"A/export_date=2026-11-23/copied.parquet", prefix+"_manifests/copied.json"
	u, pieces, data := upload(t, b, file)
	if err := b.CompleteUpload(t.Context(), u, pieces, bucket.Object{Bytes: int64(len(data)), CRC64NVME: bucket.Checksum(data)}); err != nil {
		t.Fatalf("CompleteUpload: %v", err)
	}
	text := []byte(strings.Repeat("fedcba9876543210", bucket.MinPieceBytes/16) + "the rest")
	if err := b.PutNew(t.Context(), control, text); err != nil {
		t.Fatalf("PutNew: %v", err)
	}
	copyOf(t, b, file, data, int64(len(data)))
	copyOf(t, b, control, text, bucket.MinPieceBytes, int64(len(text))-bucket.MinPieceBytes)
}

// copyOf copies an object in pieces of these lengths, and compares what becomes visible.
func copyOf(t *testing.T, b bucket.Bucket, key string, data []byte, lengths ...int64) {
	t.Helper()
	ctx, to := t.Context(), key+".copy"
	id, err := b.StartUpload(ctx, to)
	if err != nil {
		t.Fatalf("StartUpload: %v", err)
	}
	var pieces []bucket.Uploaded
	offset, u := int64(0), bucket.Upload{Key: to, ID: id}
	for i, length := range lengths {
		piece, err := b.CopyPiece(ctx, u, int32(i+1), bucket.Span{Key: key, Offset: offset, Length: length})
		if err != nil {
			t.Fatalf("CopyPiece: %v", err)
		}
		if want := bucket.Checksum(data[offset : offset+length]); piece.Number != int32(i+1) || piece.CRC64NVME != want {
			t.Errorf("CopyPiece %d of %s: got %+v, want checksum %s", i+1, key, piece, want)
		}
		pieces, offset = append(pieces, piece), offset+length
	}
	if _, err := b.Head(ctx, to); !errors.Is(err, bucket.ErrNotFound) {
		t.Errorf("Head before complete: got %v, want ErrNotFound", err)
	}
	if err := b.CompleteUpload(ctx, u, pieces, bucket.Object{Bytes: int64(len(data)), CRC64NVME: bucket.Checksum(data)}); err != nil {
		t.Fatalf("CompleteUpload: %v", err)
	}
	if got, _, err := b.Get(ctx, to); err != nil || !bytes.Equal(got, data) {
		t.Errorf("Get of the copy: %d bytes, %v; want the %d of %s", len(got), err, len(data), key)
	}
}

func copyRefusals(t *testing.T, b bucket.Bucket) {
	ctx, key := t.Context(), prefix+"_manifests/original.json"
	if err := b.PutNew(ctx, key, []byte("original")); err != nil {
		t.Fatalf("PutNew: %v", err)
	}
	id, err := b.StartUpload(ctx, ghost)
	if err != nil {
		t.Fatalf("StartUpload: %v", err)
	}
	u := bucket.Upload{Key: ghost, ID: id}
	if _, err := b.CopyPiece(ctx, u, 1, bucket.Span{Key: prefix + "nothing", Length: 1}); !errors.Is(err, bucket.ErrNotFound) {
		t.Errorf("CopyPiece of what is not there: got %v, want ErrNotFound", err)
	}
	if _, err := b.CopyPiece(ctx, u, 1, bucket.Span{Key: key, Offset: 4, Length: 9}); err == nil {
		t.Error("CopyPiece beyond the end: got nil")
	}
	if err := b.AbortUpload(ctx, u); err != nil {
		t.Errorf("AbortUpload: %v", err)
	}
	if _, err := b.CopyPiece(ctx, u, 1, bucket.Span{Key: key, Length: 8}); !errors.Is(err, bucket.ErrNoUpload) {
		t.Errorf("CopyPiece into no upload: got %v, want ErrNoUpload", err)
	}
}
