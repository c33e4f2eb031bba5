// Package upload owns the way of a file's bytes into the bucket while it is still being encoded: it
// cuts them into pieces, sums them and keeps at most two pieces on their way.
//
// It leaves the upload uncompleted, or aborted; making it visible is the commit's. Start at Start.
package upload

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"slices"
	"sync"

	"github.com/minio/crc64nvme"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
)

const (
	// PieceBytes is the size of every piece but the last: 10,000 of them are 80 GiB.
	PieceBytes = 8 << 20
	// inFlight is how many full pieces may be on their way while the next is filled.
	inFlight = 2
)

// Upload is one file on its way. It is an io.Writer that never fails, because the Parquet library
// panics or forgets when its sink does: ask Err between batches, and Finish at the end.
type Upload struct {
	ctx    context.Context // of the pieces on their way; ends at Abort
	cancel context.CancelFunc
	store  bucket.Uploads
	upload bucket.Upload

	filling []byte
	free    chan []byte // buffers that wait to be filled; bounds memory
	number  int32
	bytes   int64
	crc     hash.Hash64
	sha     hash.Hash
	sending sync.WaitGroup

	mu     sync.Mutex
	err    error
	pieces []bucket.Uploaded
}

// Result is a whole file, uploaded and not yet visible.
type Result struct {
	Upload bucket.Upload
	Pieces []bucket.Uploaded
	Object bucket.Object
	SHA256 string // hex
}

// Start opens the upload of one object. The caller ends it with Finish, or with Abort.
func Start(ctx context.Context, store bucket.Uploads, key string) (*Upload, error) {
	id, err := store.StartUpload(ctx, key)
	if err != nil {
		return nil, err
	}
	u := &Upload{store: store, upload: bucket.Upload{Key: key, ID: id}, crc: crc64nvme.New(), sha: sha256.New()}
	u.ctx, u.cancel = context.WithCancel(ctx)
	u.free = make(chan []byte, inFlight)
	for range inFlight {
		u.free <- nil
	}
	return u, nil
}

// ID is the id of the multipart upload.
func (u *Upload) ID() string { return u.upload.ID }

// Write takes bytes and waits while two full pieces are on their way. It never returns an error.
func (u *Upload) Write(data []byte) (int, error) {
	taken := len(data)
	for len(data) > 0 {
		if u.filling == nil {
			u.filling = make([]byte, 0, PieceBytes)
		}
		n := min(len(data), PieceBytes-len(u.filling))
		u.filling = append(u.filling, data[:n]...)
		data = data[n:]
		if len(u.filling) == PieceBytes {
			u.send()
		}
	}
	return taken, nil
}

// Err tells whether a piece could not be uploaded; what is written after that is thrown away.
func (u *Upload) Err() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.err
}

// Finish uploads what is left and waits for every piece. The object stays invisible.
func (u *Upload) Finish() (Result, error) {
	if len(u.filling) > 0 || u.number == 0 { // a bucket completes no upload without pieces
		u.send()
	}
	u.sending.Wait()
	if err := u.Err(); err != nil {
		return Result{}, err
	}
	u.cancel()
	slices.SortFunc(u.pieces, func(a, b bucket.Uploaded) int { return int(a.Number - b.Number) })
	return Result{
		Upload: u.upload, Pieces: u.pieces, SHA256: hex.EncodeToString(u.sha.Sum(nil)),
		Object: bucket.Object{Bytes: u.bytes, CRC64NVME: bucket.SpellChecksum(u.crc.Sum64())},
	}, nil
}

// Abort stops the pieces on their way and discards the upload. Nothing remains.
func (u *Upload) Abort(ctx context.Context) error {
	u.cancel()
	u.sending.Wait()
	if err := u.store.AbortUpload(ctx, u.upload); err != nil && !errors.Is(err, bucket.ErrNoUpload) {
		return fmt.Errorf("aborting upload of %s: %w", u.upload.Key, err)
	}
	return nil
}

// send hands the full buffer over and takes an idle one in its place.
func (u *Upload) send() {
	full := u.filling
	u.number++
	u.bytes += int64(len(full))
	u.crc.Write(full)
	u.sha.Write(full)
	idle := <-u.free
	u.filling = idle[:0] // nil stays nil until bytes come
	piece := bucket.Piece{Number: u.number, Data: full, CRC64NVME: bucket.Checksum(full)}
	u.sending.Go(func() {
		u.note(u.put(piece))
		u.free <- full
	})
}

func (u *Upload) put(p bucket.Piece) (bucket.Uploaded, error) {
	if err := u.Err(); err != nil {
		return bucket.Uploaded{}, err
	}
	if p.Number > bucket.MaxPieces {
		return bucket.Uploaded{}, fault.New(fault.State, fault.ReasonBucketUnavailable, "%s is larger than %d pieces: make parts smaller", u.upload.Key, bucket.MaxPieces)
	}
	etag, err := u.store.UploadPiece(u.ctx, u.upload, p)
	if errors.Is(err, bucket.ErrNoUpload) {
		err = fault.New(fault.DataLoss, fault.ReasonUploadGone, "the upload of %s was aborted under way by somebody else", u.upload.Key)
	}
	return bucket.Uploaded{Number: p.Number, ETag: etag, CRC64NVME: p.CRC64NVME}, err
}

func (u *Upload) note(p bucket.Uploaded, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if err != nil {
		if u.err == nil {
			u.err = err
		}
		return
	}
	u.pieces = append(u.pieces, p)
}
