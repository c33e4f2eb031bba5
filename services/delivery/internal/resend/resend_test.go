package resend_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/delivery/internal/approved"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
	"github.com/customer-exports/exports/services/delivery/internal/bucket/membucket"
	"github.com/customer-exports/exports/services/delivery/internal/parttest"
	"github.com/customer-exports/exports/services/delivery/internal/resend"
)

const (
	date  = "2026-11-23"
	table = "FACT_MESSAGES"
)

// content is a file of three pieces.
var content = []byte(strings.Repeat("0123456789abcdef", 2*bucket.MinPieceBytes/16) + "the rest")

// memPlanner holds one receipt of a committed run, and the first that is reported for the one that resends it.
type memPlanner struct {
	mu       sync.Mutex
	source   *planv1.Run
	receipt  *deliveryv1.Receipt
	standing *deliveryv1.Receipt
	ended    bool  // the run that resends
	away     error // what a report is answered with
}

func (p *memPlanner) Wanted(context.Context, string) error {
	if p.ended {
		return fault.New(fault.State, fault.ReasonNotActive, "the run has ended")
	}
	return nil
}

func (p *memPlanner) Receipt(context.Context, string, string, int32) (*planv1.Run, *deliveryv1.Receipt, error) {
	return p.source, p.receipt, nil
}

func (p *memPlanner) Received(_ context.Context, _ string, _ int, r *deliveryv1.Receipt) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.standing == nil {
		p.standing = r
	}
	return proto.Equal(p.standing, r), p.away
}

// revisions is the config service's answer.
type revisions struct{ revision *approved.Revision }

func (r revisions) Revision(context.Context, string, int64) (*approved.Revision, error) {
	return r.revision, nil
}

// opened gives the same bucket whatever is asked for.
type opened struct{ bucket.Bucket }

func (o opened) Open(bucket.Destination) bucket.Bucket { return o.Bucket }

// fixture is a bucket with one delivered file, and the run that sends it once more.
type fixture struct {
	bucket   bucket.Bucket
	planner  *memPlanner
	resender *resend.Resender
	run      *taskv1.RunRef
	work     *taskv1.CopyWork
	progress int
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	tel, err := obs.Setup(t.Context(), obs.Config{Service: "delivery"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	d := bucket.Destination{Bucket: "acme-exports", Owner: parttest.Owner}
	f := &fixture{bucket: membucket.New(parttest.Owner).Open(d), run: parttest.Run(date)}
	source := proto.CloneOf(f.run)
	f.run.RunId = strings.TrimSuffix(f.run.GetRunId(), "1") + "2"
	f.work = &taskv1.CopyWork{Table: table, SourceRunId: source.GetRunId()}
	key := drop.Format{}.PartKey(table, date, source.GetRunId(), 0)
	if err := f.bucket.PutNew(t.Context(), key, content); err != nil {
		t.Fatal(err)
	}
	f.planner = &memPlanner{
		source: &planv1.Run{Ref: source, State: planv1.RunState_RUN_STATE_COMMITTED},
		receipt: &deliveryv1.Receipt{
			Table: table, Key: key, UploadId: "long gone", FileBytes: int64(len(content)), RowCount: 5, ArrowBytes: 77,
			Crc64Nvme: bucket.Checksum(content), Sha256: drop.Digest(content), Pieces: []*deliveryv1.UploadedPiece{{PieceNumber: 1, Etag: "old"}},
		},
	}
	f.resender = &resend.Resender{
		Planner: f.planner, Revisions: revisions{parttest.Revision(t, d)}, Buckets: opened{f.bucket}, Tel: tel, PieceBytes: bucket.MinPieceBytes,
	}
	return f
}

func (f *fixture) copy(t *testing.T) error {
	t.Helper()
	return f.resender.Copy(t.Context(), f.run, f.work, 1, func() { f.progress++ })
}

// uploads asserts how many uploads are open.
func (f *fixture) uploads(t *testing.T, want int) {
	t.Helper()
	if open, err := f.bucket.ListUploads(t.Context(), drop.Prefix); err != nil || len(open) != want {
		t.Errorf("open uploads: %v, %v; want %d", open, err, want)
	}
}

// complete makes the file visible by the receipt that stands, and compares its bytes.
func (f *fixture) complete(t *testing.T) {
	t.Helper()
	r := f.planner.standing
	var pieces []bucket.Uploaded
	for _, p := range r.GetPieces() {
		pieces = append(pieces, bucket.Uploaded{Number: p.GetPieceNumber(), ETag: p.GetEtag(), CRC64NVME: p.GetCrc64Nvme()})
	}
	whole := bucket.Object{Bytes: r.GetFileBytes(), CRC64NVME: r.GetCrc64Nvme()}
	if err := f.bucket.CompleteUpload(t.Context(), bucket.Upload{Key: r.GetKey(), ID: r.GetUploadId()}, pieces, whole); err != nil {
		t.Fatal(err)
	}
	if got, _, err := f.bucket.Get(t.Context(), drop.Format{}.PartKey(table, date, f.run.GetRunId(), 0)); err != nil || !bytes.Equal(got, content) {
		t.Errorf("the file in the new run has %d bytes, %v; want the %d of the first", len(got), err, len(content))
	}
}

// TestCopy copies a file piece by piece; its receipt is that of the first but for where it lies.
func TestCopy(t *testing.T) {
	f := newFixture(t)
	if err := f.copy(t); err != nil {
		t.Fatal(err)
	}
	want := proto.CloneOf(f.planner.receipt)
	want.Key = drop.Format{}.PartKey(table, date, f.run.GetRunId(), 0)
	want.UploadId, want.Pieces = f.planner.standing.GetUploadId(), f.planner.standing.GetPieces()
	if !proto.Equal(f.planner.standing, want) || len(want.GetPieces()) != 3 || f.progress != 3 {
		t.Errorf("reported %v after %d pieces, want %v in three", f.planner.standing, f.progress, want)
	}
	if _, err := f.bucket.Head(t.Context(), want.GetKey()); !errors.Is(err, bucket.ErrNotFound) {
		t.Errorf("the copy is visible before the commit: %v", err)
	}
	if _, _, err := f.bucket.Get(t.Context(), drop.StartedKey(date, f.run.GetRunId())); err != nil {
		t.Errorf("the run is not marked as started: %v", err)
	}
	f.complete(t)
}

// TestCopyOfNothing copies a file without bytes, as JSON Lines without rows are.
func TestCopyOfNothing(t *testing.T) {
	f := newFixture(t)
	agreed := &configv1.Format{FileFormat: configv1.FileFormat_FILE_FORMAT_JSON_LINES, Compression: configv1.Compression_COMPRESSION_NONE}
	f.resender.Revisions = revisions{parttest.RevisionIn(t, bucket.Destination{Owner: parttest.Owner}, agreed)}
	r, format := f.planner.receipt, drop.FormatOf(agreed)
	r.Key = format.PartKey(table, date, f.work.GetSourceRunId(), 0)
	if err := f.bucket.PutNew(t.Context(), r.GetKey(), nil); err != nil {
		t.Fatal(err)
	}
	r.FileBytes, r.RowCount, r.Crc64Nvme, r.Sha256 = 0, 0, bucket.Checksum(nil), drop.Digest(nil)
	if err := f.copy(t); err != nil {
		t.Fatal(err)
	}
	standing := f.planner.standing
	if want := format.PartKey(table, date, f.run.GetRunId(), 0); standing.GetKey() != want {
		t.Errorf("the copy is %s, want %s", standing.GetKey(), want)
	}
	u, piece := bucket.Upload{Key: standing.GetKey(), ID: standing.GetUploadId()}, standing.GetPieces()[0]
	pieces := []bucket.Uploaded{{Number: piece.GetPieceNumber(), ETag: piece.GetEtag(), CRC64NVME: piece.GetCrc64Nvme()}}
	if err := f.bucket.CompleteUpload(t.Context(), u, pieces, bucket.Object{CRC64NVME: bucket.Checksum(nil)}); err != nil {
		t.Errorf("the copy of nothing cannot be completed: %v", err)
	}
}

// TestTheFirstReceiptStands repeats a task, and has four workers hold it at once: what loses leaves nothing.
func TestTheFirstReceiptStands(t *testing.T) {
	f := newFixture(t)
	if err := f.copy(t); err != nil {
		t.Fatal(err)
	}
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			if err := f.resender.Copy(t.Context(), f.run, f.work, 2, func() {}); err != nil {
				t.Error(err)
			}
		})
	}
	workers.Wait()
	f.uploads(t, 1)
	f.complete(t)
}

// TestCopyRefuses leaves no upload behind, and reports nothing.
func TestCopyRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		spoil  func(*testing.T, *fixture)
		reason fault.Reason
	}{
		"gone": {func(t *testing.T, f *fixture) {
			if err := f.bucket.Delete(t.Context(), f.planner.receipt.GetKey()); err != nil {
				t.Fatal(err)
			}
		}, fault.ReasonFileGone},
		"gone while it is copied": {func(_ *testing.T, f *fixture) {
			f.resender.Buckets = opened{deleting{f.bucket}}
		}, fault.ReasonFileGone},
		"other bytes": {func(_ *testing.T, f *fixture) { f.planner.receipt.Crc64Nvme = bucket.Checksum(nil) }, fault.ReasonFileChanged},
		"other size":  {func(_ *testing.T, f *fixture) { f.planner.receipt.FileBytes-- }, fault.ReasonFileChanged},
		"a copy of other bytes": {func(_ *testing.T, f *fixture) {
			f.resender.Buckets, f.resender.PieceBytes = opened{garbling{f.bucket}}, 0
		}, fault.ReasonFileChanged},
		"itself":             {func(_ *testing.T, f *fixture) { f.run.RunId = f.work.GetSourceRunId() }, fault.ReasonTaskInvalid},
		"another date":       {func(_ *testing.T, f *fixture) { f.planner.source.Ref = parttest.Run("2026-11-22") }, fault.ReasonTaskInvalid},
		"another instant":    {func(_ *testing.T, f *fixture) { f.planner.source.Ref.AsOfTime.Seconds++ }, fault.ReasonTaskInvalid},
		"another key":        {func(_ *testing.T, f *fixture) { f.planner.receipt.Key = "secrets/part-00000.parquet" }, fault.ReasonTaskInvalid},
		"no drop":            {func(_ *testing.T, f *fixture) { f.planner.source.State = planv1.RunState_RUN_STATE_COMMITTING }, fault.ReasonTaskInvalid},
		"another customer":   {func(_ *testing.T, f *fixture) { f.planner.source.Ref.CustomerId = "bella" }, fault.ReasonValidation},
		"another revision":   {func(_ *testing.T, f *fixture) { f.planner.source.Ref.Revision = 2 }, fault.ReasonValidation},
		"a table not agreed": {func(_ *testing.T, f *fixture) { f.work.Table = "FACT_REVIEWS" }, fault.ReasonUnknownTable},
		"a name with a path": {func(_ *testing.T, f *fixture) { f.run.RunId = "a/../" + f.run.GetRunId() }, fault.ReasonValidation},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			test.spoil(t, f)
			err := f.copy(t)
			if fault.ReasonOf(err) != test.reason || fault.Retryable(err) {
				t.Errorf("Copy = %v, want %s, never retried", err, test.reason)
			}
			if named, _ := fault.Of(err); strings.HasPrefix(string(test.reason), "FILE_") && !strings.Contains(named.Message, f.planner.receipt.GetKey()) {
				t.Errorf("the message %q does not name the file", named.Message)
			}
			f.uploads(t, 0)
			if f.planner.standing != nil {
				t.Errorf("reported %v", f.planner.standing)
			}
		})
	}
}

// deleting is a bucket whose file goes away between two pieces.
type deleting struct{ bucket.Bucket }

func (d deleting) CopyPiece(ctx context.Context, u bucket.Upload, number int32, from bucket.Span) (bucket.Uploaded, error) {
	if number == 2 {
		if err := d.Delete(ctx, from.Key); err != nil {
			return bucket.Uploaded{}, err
		}
	}
	return d.Bucket.CopyPiece(ctx, u, number, from)
}

// garbling is a bucket that copies other bytes than it was asked for.
type garbling struct{ bucket.Bucket }

func (g garbling) CopyPiece(ctx context.Context, u bucket.Upload, number int32, from bucket.Span) (bucket.Uploaded, error) {
	from.Length--
	return g.Bucket.CopyPiece(ctx, u, number, from)
}

// TestNothingIsCopiedForARunThatHasEnded is asked before, and told after.
func TestNothingIsCopiedForARunThatHasEnded(t *testing.T) {
	f := newFixture(t)
	f.planner.ended = true
	if err := f.copy(t); err != nil || f.progress != 0 {
		t.Errorf("Copy = %v after %d pieces, want nothing done", err, f.progress)
	}
	f.uploads(t, 0)
	f.planner.ended, f.planner.away = false, fault.New(fault.State, fault.ReasonNotActive, "the run has ended")
	if err := f.copy(t); err != nil {
		t.Errorf("Copy for a run that ended meanwhile = %v", err)
	}
}

// TestAnUnansweredReportKeepsTheUpload has the planner go away with the receipt accepted, and the task come again.
func TestAnUnansweredReportKeepsTheUpload(t *testing.T) {
	f := newFixture(t)
	f.planner.away = fault.New(fault.Unavailable, fault.ReasonUnavailable, "away")
	if err := f.copy(t); !fault.Retryable(err) {
		t.Errorf("Copy = %v, want another try", err)
	}
	f.planner.away = nil
	if err := f.copy(t); err != nil {
		t.Fatal(err)
	}
	f.uploads(t, 1)
	f.complete(t)
}
