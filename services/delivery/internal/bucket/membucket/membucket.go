// Package membucket is a bucket in memory: the test double that passes the same acceptance suite as
// the real one. It refuses what S3 refuses: small pieces, wrong checksums, foreign owners. Start at
// New.
package membucket

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
)

// Store holds one bucket of one owner.
type Store struct {
	owner string

	mu      sync.Mutex
	serial  int
	objects map[string]object
	uploads map[bucket.Upload]map[int32]bucket.Piece
	started map[bucket.Upload]time.Time
}

type object struct {
	data []byte
	etag string
	key  string // of its encryption
}

// New makes an empty bucket of an account.
func New(owner string) *Store {
	return &Store{owner: owner, objects: map[string]object{}, uploads: map[bucket.Upload]map[int32]bucket.Piece{}, started: map[bucket.Upload]time.Time{}}
}

// Open looks at the store as delivery does; access is denied when the owner is another one.
func (s *Store) Open(d bucket.Destination) bucket.Bucket {
	return &view{Store: s, expected: d.Owner, key: d.KMSKey}
}

// view is the store under an expectation of who owns it, and the key that new objects get.
type view struct {
	*Store
	expected, key string
}

// enter locks the store, or denies. The caller unlocks after nil.
func (v *view) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fault.Wrap(err, fault.Unavailable, fault.ReasonBucketUnavailable, "reaching the bucket")
	}
	if v.expected != v.owner {
		return fault.New(fault.Denied, fault.ReasonBucketOwnerMismatch, "the bucket is not owned by account %s", v.expected)
	}
	v.mu.Lock()
	return nil
}

func (v *view) next(kind string) string {
	v.serial++
	return fmt.Sprintf("%s-%d", kind, v.serial)
}

// StartUpload opens an upload.
func (v *view) StartUpload(ctx context.Context, key string) (string, error) {
	if err := v.enter(ctx); err != nil {
		return "", err
	}
	defer v.mu.Unlock()
	id := v.next("upload")
	u := bucket.Upload{Key: key, ID: id}
	v.uploads[u], v.started[u] = map[int32]bucket.Piece{}, time.Now()
	return id, nil
}

// UploadPiece stores one piece.
func (v *view) UploadPiece(ctx context.Context, u bucket.Upload, p bucket.Piece) (string, error) {
	if err := v.enter(ctx); err != nil {
		return "", err
	}
	defer v.mu.Unlock()
	pieces, ok := v.uploads[u]
	if !ok {
		return "", bucket.ErrNoUpload
	}
	if bucket.Checksum(p.Data) != p.CRC64NVME {
		return "", refused("the checksum of piece %d is wrong", p.Number)
	}
	p.Data = slices.Clone(p.Data)
	pieces[p.Number] = p
	return etagOf(p), nil
}

// CopyPiece stores a range of an object as one piece.
func (v *view) CopyPiece(ctx context.Context, u bucket.Upload, number int32, from bucket.Span) (bucket.Uploaded, error) {
	data := make([]byte, from.Length)
	if err := v.ReadRange(ctx, from.Key, from.Offset, data); err != nil {
		return bucket.Uploaded{}, err
	}
	p := bucket.Piece{Number: number, Data: data, CRC64NVME: bucket.Checksum(data)}
	etag, err := v.UploadPiece(ctx, u, p)
	return bucket.Uploaded{Number: number, ETag: etag, CRC64NVME: p.CRC64NVME}, err
}

// AbortUpload discards an upload.
func (v *view) AbortUpload(ctx context.Context, u bucket.Upload) error {
	if err := v.enter(ctx); err != nil {
		return err
	}
	defer v.mu.Unlock()
	if _, ok := v.uploads[u]; !ok {
		return bucket.ErrNoUpload
	}
	delete(v.uploads, u)
	return nil
}

// CompleteUpload makes the object visible.
func (v *view) CompleteUpload(ctx context.Context, u bucket.Upload, pieces []bucket.Uploaded, want bucket.Object) error {
	if err := v.enter(ctx); err != nil {
		return err
	}
	defer v.mu.Unlock()
	stored, ok := v.uploads[u]
	if !ok {
		return bucket.ErrNoUpload
	}
	data, err := assemble(stored, pieces)
	if err != nil {
		return err
	}
	if int64(len(data)) != want.Bytes || bucket.Checksum(data) != want.CRC64NVME {
		return refused("size or checksum of the whole is wrong")
	}
	delete(v.uploads, u)
	v.objects[u.Key] = object{data: data, etag: v.next("etag"), key: v.key}
	return nil
}

func assemble(stored map[int32]bucket.Piece, pieces []bucket.Uploaded) ([]byte, error) {
	var data []byte
	for i, p := range pieces {
		have, ok := stored[p.Number]
		switch {
		case !ok || etagOf(have) != p.ETag || have.CRC64NVME != p.CRC64NVME:
			return nil, refused("piece %d is not the stored one", p.Number)
		case i < len(pieces)-1 && len(have.Data) < bucket.MinPieceBytes:
			return nil, refused("piece %d is too small", p.Number)
		}
		data = append(data, have.Data...)
	}
	return data, nil
}

// ListUploads returns the open uploads below a prefix.
func (v *view) ListUploads(ctx context.Context, prefix string) ([]bucket.Open, error) {
	if err := v.enter(ctx); err != nil {
		return nil, err
	}
	defer v.mu.Unlock()
	var found []bucket.Open
	for u := range v.uploads {
		if strings.HasPrefix(u.Key, prefix) {
			found = append(found, bucket.Open{Upload: u, StartTime: v.started[u]})
		}
	}
	return found, nil
}

func etagOf(p bucket.Piece) string { return `"` + p.CRC64NVME + `"` }

func refused(format string, args ...any) error {
	return fault.New(fault.State, fault.ReasonBucketUnavailable, "refused: "+format, args...)
}
