package resend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
)

// abortTimeout bounds the clean-up after an attempt that failed, whose time may be over.
const abortTimeout = 30 * time.Second

// upload copies the whole file and returns its receipt, or leaves nothing.
func (r *Resender) upload(ctx context.Context, f *file, progress func()) (_ *deliveryv1.Receipt, err error) {
	id, err := f.bucket.StartUpload(ctx, f.to)
	if err != nil {
		return nil, err
	}
	u, kept := bucket.Upload{Key: f.to, ID: id}, false
	// Deferred, so that a panic leaves nothing either.
	defer func() {
		if !kept {
			r.abort(ctx, f, u)
		}
	}()
	pieces, err := r.pieces(ctx, f, u, progress)
	if err != nil {
		return nil, err
	}
	kept = true
	receipt := proto.CloneOf(f.receipt)
	receipt.Key, receipt.UploadId, receipt.Pieces = u.Key, u.ID, pieces
	return receipt, nil
}

// pieces copies the file piece by piece. The pieces need not be those of the first upload: what the bucket sums up at the
// commit is the whole.
func (r *Resender) pieces(ctx context.Context, f *file, u bucket.Upload, progress func()) ([]*deliveryv1.UploadedPiece, error) {
	var pieces []*deliveryv1.UploadedPiece
	most, size := cmp.Or(r.PieceBytes, bucket.MaxCopyBytes), f.receipt.GetFileBytes()
	if size == 0 {
		return f.nothing(ctx, u)
	}
	for offset := int64(0); offset < size; offset += most {
		span := bucket.Span{Key: f.receipt.GetKey(), Offset: offset, Length: min(most, size-offset)}
		piece, err := f.bucket.CopyPiece(ctx, u, int32(len(pieces)+1), span) //nolint:gosec // a file has at most MaxPieces
		if errors.Is(err, bucket.ErrNotFound) {
			return nil, f.gone() // since it was looked at
		}
		if errors.Is(err, bucket.ErrNoUpload) {
			return nil, fault.New(fault.DataLoss, fault.ReasonUploadGone, "the upload of %s was aborted under way by somebody else", f.to)
		}
		if err != nil {
			return nil, fmt.Errorf("copying %s: %w", f.receipt.GetKey(), err)
		}
		if span.Length == size && piece.CRC64NVME != "" && piece.CRC64NVME != f.receipt.GetCrc64Nvme() {
			return nil, fault.New(fault.State, fault.ReasonFileChanged, "the copy of %s is not the file that was delivered: use ReExtract", f.receipt.GetKey())
		}
		pieces = append(pieces, &deliveryv1.UploadedPiece{PieceNumber: piece.Number, Etag: piece.ETag, Crc64Nvme: piece.CRC64NVME})
		progress()
	}
	return pieces, nil
}

// nothing is a file without bytes: no range of it can be copied.
func (f *file) nothing(ctx context.Context, u bucket.Upload) ([]*deliveryv1.UploadedPiece, error) {
	piece := bucket.Piece{Number: 1, CRC64NVME: bucket.Checksum(nil)}
	etag, err := f.bucket.UploadPiece(ctx, u, piece)
	if err != nil {
		return nil, fmt.Errorf("copying %s: %w", f.receipt.GetKey(), err)
	}
	return []*deliveryv1.UploadedPiece{{PieceNumber: piece.Number, Etag: etag, Crc64Nvme: piece.CRC64NVME}}, nil
}

// report tells the planner. Without its answer the upload stays, because the receipt may stand; what does not is aborted by
// the commit, or with the run.
func (r *Resender) report(ctx context.Context, f *file, attempt int, receipt *deliveryv1.Receipt) error {
	accepted, err := r.Planner.Received(ctx, f.run.GetRunId(), attempt, receipt)
	if fault.ReasonOf(err) == fault.ReasonNotActive {
		return nil // the run ended meanwhile
	}
	if err != nil {
		return fmt.Errorf("reporting the receipt of %s: %w", f.to, err)
	}
	if !accepted {
		r.abort(ctx, f, bucket.Upload{Key: f.to, ID: receipt.GetUploadId()})
	}
	return nil
}

func (r *Resender) abort(ctx context.Context, f *file, u bucket.Upload) {
	// Detached: the attempt's own time may be over.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTimeout)
	defer cancel()
	if err := f.bucket.AbortUpload(ctx, u); err != nil && !errors.Is(err, bucket.ErrNoUpload) {
		r.Tel.Logger.WarnContext(ctx, "upload left behind for the commit to abort", slog.String(obs.KeyFile, u.Key), slog.Any(obs.KeyError, err))
	}
}
