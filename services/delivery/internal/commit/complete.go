package commit

import (
	"context"
	"errors"

	"github.com/customer-exports/exports/pkg/fault"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
)

// complete makes one file visible. Whatever the answer, the object decides: it may have been
// completed by an earlier attempt, or by this one although the answer was lost. A gone upload
// without its object is worth another look, because another committer may be completing it just now.
func complete(ctx context.Context, store bucket.Bucket, r *deliveryv1.Receipt) error {
	upload, want := bucket.Upload{Key: r.GetKey(), ID: r.GetUploadId()}, objectOf(r)
	err := store.CompleteUpload(ctx, upload, piecesOf(r), want)
	if err == nil {
		return nil
	}
	have, lookErr := store.Head(ctx, r.GetKey())
	switch {
	case lookErr == nil && have == want:
		return nil
	case !errors.Is(err, bucket.ErrNoUpload):
		return err
	case lookErr != nil && !errors.Is(lookErr, bucket.ErrNotFound):
		return lookErr
	}
	return fault.New(fault.DataLoss, fault.ReasonUploadGone, "the upload of %s is gone and the object is not the one that was uploaded", r.GetKey())
}

func objectOf(r *deliveryv1.Receipt) bucket.Object {
	return bucket.Object{Bytes: r.GetFileBytes(), CRC64NVME: r.GetCrc64Nvme()}
}

func piecesOf(r *deliveryv1.Receipt) []bucket.Uploaded {
	pieces := make([]bucket.Uploaded, 0, len(r.GetPieces()))
	for _, p := range r.GetPieces() {
		pieces = append(pieces, bucket.Uploaded{Number: p.GetPieceNumber(), ETag: p.GetEtag(), CRC64NVME: p.GetCrc64Nvme()})
	}
	return pieces
}
