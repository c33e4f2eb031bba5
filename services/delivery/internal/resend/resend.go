// Package resend owns the delivery of a file once more: it copies one of an earlier run of the same date into an upload of
// the new run, within the bucket, and leaves it uncompleted for the commit.
//
// It believes only the config service about the destination and the planner about what the file must be. It refuses to
// copy from a run that is not committed or is another drop, a file that is gone or is not the one that was delivered, and
// to keep an upload whose receipt another attempt's precedes. The bytes do not come here, so no row is looked at: they
// were checked when they were first encoded. Start at Resender.Copy.
package resend

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/attribute"

	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
	"github.com/customer-exports/exports/services/delivery/internal/part"
)

// Planner is where receipts are kept, and new ones told.
type Planner interface {
	// Wanted fails with NOT_ACTIVE when the run has ended.
	Wanted(ctx context.Context, runID string) error
	// Receipt reads the receipt of a part, and the run that it is of.
	Receipt(ctx context.Context, runID, table string, index int32) (*planv1.Run, *deliveryv1.Receipt, error)
	// Received reports a receipt, and says whether it stands. It may be repeated.
	Received(ctx context.Context, runID string, attempt int, r *deliveryv1.Receipt) (bool, error)
}

// Resender copies files. It is safe for concurrent use, also by several processes.
type Resender struct {
	Planner   Planner
	Revisions part.Revisions
	Buckets   part.Buckets
	Tel       *obs.Telemetry
	// PieceBytes is the most that is copied at once; zero means as much as a bucket takes.
	PieceBytes int64
}

// Copy copies one file and reports its receipt; it calls progress after each piece. Faults that no attempt can mend:
// FILE_GONE, FILE_CHANGED, TASK_INVALID. It may be repeated: the first receipt stands. For a run that has ended there is
// nothing to do.
func (r *Resender) Copy(ctx context.Context, run *taskv1.RunRef, work *taskv1.CopyWork, attempt int, progress func()) (err error) {
	ctx, span := r.Tel.Start(ctx, obs.SpanCopy, append(obs.RunAttrs(run),
		attribute.String(obs.KeyTable, work.GetTable()), attribute.Int(obs.KeyPart, int(work.GetPartIndex())))...)
	defer func() { obs.End(span, err) }()
	// It needs a clear word: what is copied in vain while the planner is away is refused later.
	if fault.ReasonOf(r.Planner.Wanted(ctx, run.GetRunId())) == fault.ReasonNotActive {
		return nil
	}
	f, err := r.find(ctx, run, work)
	if err != nil {
		return err
	}
	span.SetAttributes(attribute.String(obs.KeyFile, f.to), attribute.Int64(obs.KeyBytes, f.receipt.GetFileBytes()))
	if err := f.check(ctx); err != nil {
		return err
	}
	if err := part.MarkStarted(ctx, f.bucket, run); err != nil {
		return err
	}
	receipt, err := r.upload(ctx, f, progress)
	if err != nil {
		return err
	}
	return r.report(ctx, f, attempt, receipt)
}

// file is one file that is delivered once more.
type file struct {
	bucket  bucket.Bucket
	run     *taskv1.RunRef
	receipt *deliveryv1.Receipt // of the run that is copied from
	to      string              // key in the new run
}

// find reads what is to be copied; tables and destination come from the config service.
func (r *Resender) find(ctx context.Context, run *taskv1.RunRef, work *taskv1.CopyWork) (*file, error) {
	source, receipt, err := r.Planner.Receipt(ctx, work.GetSourceRunId(), work.GetTable(), work.GetPartIndex())
	if err != nil {
		return nil, fmt.Errorf("reading a receipt of run %s: %w", work.GetSourceRunId(), err)
	}
	revision, err := r.Revisions.Revision(ctx, run.GetExportId(), run.GetRevision())
	if err != nil {
		return nil, fmt.Errorf("reading revision %d of %s: %w", run.GetRevision(), run.GetExportId(), err)
	}
	for _, ref := range []*taskv1.RunRef{run, source.GetRef()} {
		if err := revision.Admit(ref); err != nil {
			return nil, err
		}
	}
	if _, err := revision.Layout(work.GetTable()); err != nil {
		return nil, err
	}
	if err := sameDrop(run, source, work, receipt, revision.Format); err != nil {
		return nil, err
	}
	to := revision.Format.PartKey(work.GetTable(), run.GetExportDate(), run.GetRunId(), int(work.GetPartIndex()))
	return &file{bucket: r.Buckets.Open(revision.Destination), run: run, receipt: receipt, to: to}, nil
}

// sameDrop refuses a task that would put anything else under the run's name than its own date as of its own instant.
func sameDrop(run *taskv1.RunRef, source *planv1.Run, work *taskv1.CopyWork, receipt *deliveryv1.Receipt, format drop.Format) error {
	ref := source.GetRef()
	from := format.PartKey(work.GetTable(), run.GetExportDate(), work.GetSourceRunId(), int(work.GetPartIndex()))
	switch {
	case ref.GetRunId() != work.GetSourceRunId() || ref.GetRunId() == run.GetRunId() || ref.GetExportId() != run.GetExportId() ||
		ref.GetExportDate() != run.GetExportDate() || !ref.GetAsOfTime().AsTime().Equal(run.GetAsOfTime().AsTime()):
		return fault.New(fault.State, fault.ReasonTaskInvalid, "run %s is not another run of the drop of %s", ref.GetRunId(), run.GetRunId())
	case source.GetState() != planv1.RunState_RUN_STATE_COMMITTED:
		return fault.New(fault.State, fault.ReasonTaskInvalid, "run %s has no drop to send once more", ref.GetRunId())
	case receipt.GetKey() != from:
		return fault.New(fault.State, fault.ReasonTaskInvalid, "the receipt names %q, not %q", receipt.GetKey(), from)
	}
	return nil
}

// check looks whether the file is still the one that was delivered.
func (f *file) check(ctx context.Context) error {
	have, err := f.bucket.Head(ctx, f.receipt.GetKey())
	switch {
	case errors.Is(err, bucket.ErrNotFound):
		return f.gone()
	case err != nil:
		return err
	case have != f.object():
		return fault.New(fault.State, fault.ReasonFileChanged, "%s is not the file that was delivered: use ReExtract", f.receipt.GetKey())
	}
	return nil
}

func (f *file) gone() error {
	return fault.New(fault.State, fault.ReasonFileGone, "%s is not in the bucket any more: use ReExtract", f.receipt.GetKey())
}

func (f *file) object() bucket.Object {
	return bucket.Object{Bytes: f.receipt.GetFileBytes(), CRC64NVME: f.receipt.GetCrc64Nvme()}
}
