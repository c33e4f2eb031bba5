// Package part owns one part on its way: the rows of one extract task become a file that is uploaded
// whole and stays invisible until the commit.
//
// It believes only the config service about what may leave, and the planner about which runs there
// are; it checks every row, and counts and sums what arrives itself. A part that is cut, altered,
// holds one row outside the scope or is of a run that has ended leaves nothing. Start at
// Uploader.Upload.
package part

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	eventv1 "github.com/customer-exports/exports/proto/exports/event/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/delivery/internal/approved"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
	"github.com/customer-exports/exports/services/delivery/internal/encode"
	"github.com/customer-exports/exports/services/delivery/internal/guard"
	"github.com/customer-exports/exports/services/delivery/internal/tally"
	"github.com/customer-exports/exports/services/delivery/internal/upload"
)

// keyUploadID is the span attribute that leads from a trace to S3's own access log.
const keyUploadID = "export.upload_id"

// abortTimeout bounds the clean-up after a caller that is gone.
const abortTimeout = 30 * time.Second

// Header says what a part is. Schema is an encapsulated Arrow IPC schema message.
type Header struct {
	Run            *taskv1.RunRef
	Table          string
	Index, Attempt int32
	Schema         []byte
}

// Trailer says what must have arrived. CRC is the CRC-64/NVME over the batch messages in order.
type Trailer struct {
	Batches, Rows int64
	CRC           uint64
}

// Stream gives the messages behind the header, one at a time: nothing is read ahead, so a slow
// bucket slows the sender.
type Stream interface {
	// Next returns a batch, which is valid until it is called again, or else the trailer; io.EOF when the sender has ended.
	Next() (batch []byte, trailer *Trailer, err error)
}

// Revisions reads approved revisions from where they are approved.
type Revisions interface {
	Revision(ctx context.Context, exportID string, number int64) (*approved.Revision, error)
}

// Runs knows the runs that wait for their parts.
type Runs interface {
	// Wanted fails with NOT_ACTIVE when the run has ended, and with NOT_FOUND when there is none.
	Wanted(ctx context.Context, runID string) error
}

// Buckets opens customers' buckets with the right to write.
type Buckets interface {
	Open(d bucket.Destination) bucket.Bucket
}

// Uploader takes parts. It is safe for concurrent use.
type Uploader struct {
	Runs      Runs
	Revisions Revisions
	Buckets   Buckets
	Encoders  encode.Maker
	// Announce tells of a row outside the scope.
	Announce func(ctx context.Context, e *eventv1.Event) error
	Tel      *obs.Telemetry
}

// Upload takes one part and returns the proof of it. Faults: SCOPE_VIOLATION, TRAILER_MISSING,
// TRAILER_MISMATCH, SCHEMA_MISMATCH, UNKNOWN_TABLE, VALIDATION, NOT_APPROVED, NOT_ACTIVE and NOT_FOUND
// for a run that has ended or never was, and those of the bucket.
func (u *Uploader) Upload(ctx context.Context, h Header, s Stream) (*deliveryv1.Receipt, error) {
	ctx = obs.WithAttrs(ctx, append(obs.RunAttrs(h.Run), attribute.String(obs.KeyTable, h.Table),
		attribute.Int(obs.KeyPart, int(h.Index)), attribute.Int(obs.KeyAttempt, int(h.Attempt)))...)
	revision, err := u.Revisions.Revision(ctx, h.Run.GetExportId(), h.Run.GetRevision())
	if err != nil {
		return nil, fmt.Errorf("reading revision %d of %s: %w", h.Run.GetRevision(), h.Run.GetExportId(), err)
	}
	if err := revision.Admit(h.Run); err != nil {
		return nil, err
	}
	layout, err := revision.Layout(h.Table)
	if err != nil {
		return nil, err
	}
	if err := u.checkWanted(ctx, h); err != nil {
		return nil, err
	}
	rows, err := decode(h, s, layout)
	if err != nil {
		return nil, err
	}
	receipt, err := u.take(ctx, h, revision, rows)
	if fault.ReasonOf(err) == fault.ReasonScopeViolation {
		u.escalate(ctx, h)
	}
	return receipt, err
}

// checkWanted needs a clear word: what is uploaded in vain while the planner is away cannot be committed, because only the
// planner's receipts are.
func (u *Uploader) checkWanted(ctx context.Context, h Header) error {
	err := u.Runs.Wanted(ctx, h.Run.GetRunId())
	switch {
	case fault.ReasonOf(err) == fault.ReasonNotActive:
		return fault.Wrap(err, fault.State, fault.ReasonNotActive, "run %s has ended and takes no more parts", h.Run.GetRunId())
	case fault.KindOf(err) == fault.NotFound:
		return fault.Wrap(err, fault.NotFound, fault.ReasonNotFound, "the planner knows no run %s", h.Run.GetRunId())
	}
	return nil
}

// take writes the marker of a begun run, then uploads while it encodes.
func (u *Uploader) take(ctx context.Context, h Header, revision *approved.Revision, rows *rows) (_ *deliveryv1.Receipt, err error) {
	check, err := guard.New(rows.layout, revision.Scope, h.Index)
	if err != nil {
		return nil, err
	}
	store := u.Buckets.Open(revision.Destination)
	if err := MarkStarted(ctx, store, h.Run); err != nil {
		return nil, err
	}
	span, up, err := u.startUpload(ctx, store, h, revision.Format)
	if err != nil {
		return nil, err
	}
	kept := false
	// Deferred, so that a panic leaves nothing either.
	defer func() {
		if !kept {
			u.abort(ctx, up)
		}
		obs.End(span, err)
	}()
	counts := tally.New(rows.layout)
	stats, err := u.encode(ctx, h, revision, rows, check, counts, up)
	if err != nil {
		return nil, err
	}
	done, err := up.Finish()
	if err != nil {
		return nil, err
	}
	// Once more: what is left for a run that ended meanwhile, nobody would discard.
	if err := u.checkWanted(ctx, h); err != nil {
		return nil, err
	}
	span.SetAttributes(attribute.Int64(obs.KeyRows, stats.Rows), attribute.Int64(obs.KeyBytes, done.Object.Bytes))
	kept = true
	r := receipt(h, stats, counts, done)
	r.ScopeDigest = revision.ScopeDigest
	return r, nil
}

// MarkStarted writes the marker that tells a late run from one never begun, and proves that the
// bucket lets us write. It may be repeated.
func MarkStarted(ctx context.Context, store bucket.Controls, run *taskv1.RunRef) error {
	body := fmt.Appendf(nil, "{\n  \"run_id\": %q\n}\n", run.GetRunId())
	err := store.PutNew(ctx, drop.StartedKey(run.GetExportDate(), run.GetRunId()), body)
	if err != nil && !errors.Is(err, bucket.ErrExists) {
		return fmt.Errorf("marking run %s as started: %w", run.GetRunId(), err)
	}
	return nil
}

func (u *Uploader) startUpload(ctx context.Context, store bucket.Uploads, h Header, format drop.Format) (trace.Span, *upload.Upload, error) {
	key := format.PartKey(h.Table, h.Run.GetExportDate(), h.Run.GetRunId(), int(h.Index))
	ctx, span := u.Tel.Start(ctx, obs.SpanUpload, attribute.String(obs.KeyFile, key))
	up, err := upload.Start(ctx, store, key)
	if err != nil {
		obs.End(span, err)
		return nil, nil, err
	}
	span.SetAttributes(attribute.String(keyUploadID, up.ID()))
	return span, up, nil
}

func (u *Uploader) encode(ctx context.Context, h Header, revision *approved.Revision, rows *rows, check *guard.Guard, counts *tally.Tally, up *upload.Upload) (stats encode.Stats, err error) {
	_, span := u.Tel.Start(ctx, obs.SpanEncode)
	defer func() {
		span.SetAttributes(attribute.Int64(obs.KeyRows, stats.Rows), attribute.Int64(obs.KeyBytes, stats.ArrowBytes), attribute.Int64(obs.KeyBatches, rows.count.batches))
		obs.End(span, err)
	}()
	file := encode.File{
		RunID: h.Run.GetRunId(), AsOf: h.Run.GetAsOfTime().AsTime(), Layout: rows.layout, Format: revision.Format,
		Compression: revision.Compression, Profile: revision.Profile,
	}
	encoder, err := u.Encoders.New(up, file)
	if err != nil {
		return encode.Stats{}, err
	}
	if err := pour(rows, check, counts, encoder, up.Err); err != nil {
		_, closing := encoder.Close()
		return encode.Stats{}, errors.Join(err, closing)
	}
	return encoder.Close()
}

// pour moves every batch through the guard into the file, counts what goes in, and proves that all of them came.
func pour(rows *rows, check *guard.Guard, counts *tally.Tally, encoder encode.Encoder, uploadErr func() error) error {
	for rows.next() {
		if err := check.Check(rows.batch()); err != nil {
			return err
		}
		counts.Take(rows.batch())
		if err := encoder.Write(rows.batch()); err != nil {
			return err
		}
		if err := uploadErr(); err != nil {
			return err
		}
	}
	return rows.proven()
}

func (u *Uploader) abort(ctx context.Context, up *upload.Upload) {
	// Detached: the caller may be the one who is gone.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTimeout)
	defer cancel()
	if err := up.Abort(ctx); err != nil {
		u.Tel.Logger.WarnContext(ctx, "upload left behind for the commit to abort", slog.String(keyUploadID, up.ID()), slog.Any(obs.KeyError, err))
	}
}

func receipt(h Header, stats encode.Stats, counts *tally.Tally, done upload.Result) *deliveryv1.Receipt {
	r := &deliveryv1.Receipt{
		Table: h.Table, PartIndex: h.Index, Key: done.Upload.Key, UploadId: done.Upload.ID,
		FileBytes: done.Object.Bytes, RowCount: stats.Rows, ArrowBytes: stats.ArrowBytes,
		Crc64Nvme: done.Object.CRC64NVME, Sha256: done.SHA256, Columns: counts.Counts(),
	}
	for _, p := range done.Pieces {
		r.Pieces = append(r.Pieces, &deliveryv1.UploadedPiece{PieceNumber: p.Number, Etag: p.ETag, Crc64Nvme: p.CRC64NVME})
	}
	return r
}
