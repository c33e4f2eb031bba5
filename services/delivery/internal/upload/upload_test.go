package upload_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/customer-exports/exports/services/delivery/internal/bucket"
	"github.com/customer-exports/exports/services/delivery/internal/bucket/membucket"
	"github.com/customer-exports/exports/services/delivery/internal/upload"
)

const (
	owner = "111122223333"
	key   = "analytics-export/FACT_REVIEWS/part-00000.parquet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open() bucket.Bucket { return membucket.New(owner).Open(bucket.Destination{Owner: owner}) }

func TestUploadIsCompletableAndWhole(t *testing.T) {
	for _, size := range []int{0, 1, upload.PieceBytes - 1, upload.PieceBytes, upload.PieceBytes + 1, 5*upload.PieceBytes + 17} {
		b, data := open(), random(size)
		u, err := upload.Start(t.Context(), b, key)
		if err != nil {
			t.Fatal(err)
		}
		for rest := data; len(rest) > 0; {
			n := min(len(rest), 1_000_003)
			_, _ = u.Write(rest[:n])
			rest = rest[n:]
		}
		got, err := u.Finish()
		if err != nil {
			t.Fatalf("%d bytes: Finish: %v", size, err)
		}
		sum := sha256.Sum256(data)
		if got.SHA256 != hex.EncodeToString(sum[:]) || got.Object.Bytes != int64(size) || len(got.Pieces) == 0 {
			t.Errorf("%d bytes: got %d bytes in %d pieces, SHA-256 %s", size, got.Object.Bytes, len(got.Pieces), got.SHA256)
		}
		if err := b.CompleteUpload(t.Context(), got.Upload, got.Pieces, got.Object); err != nil {
			t.Errorf("%d bytes: CompleteUpload: %v", size, err)
		}
		if have, _, err := b.Get(t.Context(), key); err != nil || !bytes.Equal(have, data) {
			t.Errorf("%d bytes: the object differs: %v", size, err)
		}
	}
}

func TestFailedPieceIsReportedAndAbortLeavesNothing(t *testing.T) {
	b := open()
	broken := &failing{Bucket: b}
	u, err := upload.Start(t.Context(), broken, key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Write(random(6 * upload.PieceBytes)); err != nil {
		t.Errorf("Write: got %v, want nil always", err)
	}
	if _, err := u.Finish(); !errors.Is(err, errPiece) {
		t.Errorf("Finish: got %v, want %v", err, errPiece)
	}
	if err := u.Abort(t.Context()); err != nil {
		t.Errorf("Abort: %v", err)
	}
	if left, err := b.ListUploads(t.Context(), ""); err != nil || len(left) != 0 {
		t.Errorf("uploads left: %v, %v", left, err)
	}
}

func TestAtMostTwoPiecesAreOnTheirWay(t *testing.T) {
	counter := &counting{Bucket: open()}
	u, err := upload.Start(t.Context(), counter, key)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = u.Write(random(10 * upload.PieceBytes))
	if _, err := u.Finish(); err != nil {
		t.Fatal(err)
	}
	if got := counter.most.Load(); got > 2 {
		t.Errorf("pieces on their way: got %d, want at most 2", got)
	}
}

var errPiece = errors.New("piece refused")

// failing refuses every piece after the first.
type failing struct{ bucket.Bucket }

func (f *failing) UploadPiece(ctx context.Context, u bucket.Upload, p bucket.Piece) (string, error) {
	if p.Number > 1 {
		return "", errPiece
	}
	return f.Bucket.UploadPiece(ctx, u, p)
}

// counting notes the most pieces that were on their way at once.
type counting struct {
	bucket.Bucket
	now, most atomic.Int64
}

func (c *counting) UploadPiece(ctx context.Context, u bucket.Upload, p bucket.Piece) (string, error) {
	now := c.now.Add(1)
	defer c.now.Add(-1)
	for most := c.most.Load(); now > most && !c.most.CompareAndSwap(most, now); most = c.most.Load() {
	}
	return c.Bucket.UploadPiece(ctx, u, p)
}

func random(size int) []byte {
	data := make([]byte, size)
	source := rand.NewChaCha8([32]byte{1})
	_, _ = source.Read(data)
	return data
}
