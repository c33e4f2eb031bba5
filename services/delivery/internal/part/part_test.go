package part_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/customer-exports/exports/deploy/local/objectstore"
	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	eventv1 "github.com/customer-exports/exports/proto/exports/event/v1"
	"github.com/customer-exports/exports/services/delivery/internal/approved"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
	"github.com/customer-exports/exports/services/delivery/internal/bucket/s3bucket"
	"github.com/customer-exports/exports/services/delivery/internal/part"
	"github.com/customer-exports/exports/services/delivery/internal/parttest"
)

const (
	accessKey = "writerkey"
	secretKey = "writersecret"
	date      = "2026-11-23"
	messages  = "FACT_MESSAGES"
)

// fixture is one bucket of the real server and an uploader into it.
type fixture struct {
	t        *testing.T
	bucket   bucket.Bucket
	uploader *part.Uploader
	told     []*eventv1.Event
}

func (f *fixture) announce(_ context.Context, e *eventv1.Event) error {
	f.told = append(f.told, e)
	return nil
}

// revisions is the config service's answer.
type revisions struct{ revision *approved.Revision }

func (r revisions) Revision(context.Context, string, int64) (*approved.Revision, error) {
	return r.revision, nil
}

func TestPart(t *testing.T) {
	server := startStore(t)
	for name, test := range map[string]func(*testing.T, *fixture){
		"whole part is invisible until completed": wholePart,
		"part without rows is a file":             emptyPart,
		"damaged parts leave nothing":             damagedParts,
		"foreign rows leave nothing":              foreignRows,
		"foreign row after many pieces":           foreignRowLate,
		"other schemas are refused":               otherSchemas,
		"headers of other runs are refused":       otherRuns,
		"runs that have ended leave nothing":      endedRuns,
		"refused parts can be sent again":         sentAgain,
		"lost caller leaves nothing":              lostCaller,
	} {
		t.Run(name, func(t *testing.T) { test(t, newFixture(t, server, parttest.Owner)) })
	}
	t.Run("foreign bucket is denied", func(t *testing.T) {
		f := newFixture(t, server, "999999999999")
		stream := parttest.Rows{Table: messages, Count: 10, Foreign: -1}.Stream(t)
		if _, err := f.upload(stream, messages); fault.ReasonOf(err) != fault.ReasonBucketOwnerMismatch || fault.Retryable(err) {
			t.Errorf("got %v, want BUCKET_OWNER_MISMATCH, never retried", err)
		}
	})
}

func wholePart(t *testing.T, f *fixture) {
	rows := parttest.Rows{Table: messages, Count: 20_000, PerBatch: 999, Foreign: -1, Width: 500}
	receipt, err := f.upload(rows.Stream(t), messages)
	if err != nil {
		t.Fatal(err)
	}
	if receipt.GetRowCount() != 20_000 || receipt.GetKey() != (drop.Format{}).PartKey(messages, date, parttest.Run(date).GetRunId(), 3) || len(receipt.GetPieces()) < 2 {
		t.Errorf("receipt: got %d rows in %d pieces as %s", receipt.GetRowCount(), len(receipt.GetPieces()), receipt.GetKey())
	}
	f.invisible()
	var pieces []bucket.Uploaded
	for _, p := range receipt.GetPieces() {
		pieces = append(pieces, bucket.Uploaded{Number: p.GetPieceNumber(), ETag: p.GetEtag(), CRC64NVME: p.GetCrc64Nvme()})
	}
	want := bucket.Object{Bytes: receipt.GetFileBytes(), CRC64NVME: receipt.GetCrc64Nvme()}
	upload := bucket.Upload{Key: receipt.GetKey(), ID: receipt.GetUploadId()}
	if err := f.bucket.CompleteUpload(t.Context(), upload, pieces, want); err != nil {
		t.Fatal(err)
	}
	data, _, err := f.bucket.Get(t.Context(), receipt.GetKey())
	if err != nil {
		t.Fatal(err)
	}
	if got := drop.Digest(data); got != receipt.GetSha256() || int64(len(data)) != receipt.GetFileBytes() {
		t.Errorf("object: got %d bytes with SHA-256 %s, want %d and %s", len(data), got, receipt.GetFileBytes(), receipt.GetSha256())
	}
}

func emptyPart(t *testing.T, f *fixture) {
	receipt, err := f.upload(parttest.Rows{Table: messages, Foreign: -1}.Stream(t), messages)
	if err != nil {
		t.Fatal(err)
	}
	if receipt.GetRowCount() != 0 || receipt.GetFileBytes() == 0 || len(receipt.GetPieces()) != 1 {
		t.Errorf("receipt: got %v", receipt)
	}
}

func damagedParts(t *testing.T, f *fixture) {
	errLost := errors.New("connection lost")
	for name, c := range map[string]struct {
		damage func(*parttest.Stream)
		want   fault.Reason
	}{
		"no trailer":          {func(s *parttest.Stream) { s.NoTrailer = true }, fault.ReasonTrailerMissing},
		"no batches either":   {func(s *parttest.Stream) { s.NoTrailer, s.Batches = true, nil }, fault.ReasonTrailerMissing},
		"connection lost":     {func(s *parttest.Stream) { s.NoTrailer, s.Err = true, errLost }, fault.ReasonTrailerMismatch},
		"batch count":         {func(s *parttest.Stream) { s.Trailer = s.Right(); s.Trailer.Batches++ }, fault.ReasonTrailerMismatch},
		"row count":           {func(s *parttest.Stream) { s.Trailer = s.Right(); s.Trailer.Rows-- }, fault.ReasonTrailerMismatch},
		"checksum":            {func(s *parttest.Stream) { s.Trailer = s.Right(); s.Trailer.CRC++ }, fault.ReasonTrailerMismatch},
		"batch lost":          {func(s *parttest.Stream) { s.Trailer = s.Right(); s.Batches = s.Batches[1:] }, fault.ReasonTrailerMismatch},
		"batch twice":         {func(s *parttest.Stream) { s.Trailer = s.Right(); s.Batches = append(s.Batches, s.Batches[0]) }, fault.ReasonTrailerMismatch},
		"batch cut":           {func(s *parttest.Stream) { s.Batches[1] = s.Batches[1][:len(s.Batches[1])/2] }, fault.ReasonTrailerMismatch},
		"batch cut in head":   {func(s *parttest.Stream) { s.Batches[1] = s.Batches[1][:6] }, fault.ReasonTrailerMismatch},
		"end mark in between": {func(s *parttest.Stream) { s.Batches[1] = []byte{255, 255, 255, 255, 0, 0, 0, 0} }, fault.ReasonTrailerMismatch},
		"noise":               {func(s *parttest.Stream) { s.Batches[1] = []byte("this is not an Arrow message at all") }, fault.ReasonTrailerMismatch},
		"noise in metadata":   {func(s *parttest.Stream) { clear(s.Batches[1][8:200]) }, fault.ReasonTrailerMismatch},
		"schema as batch":     {func(s *parttest.Stream) { s.Batches[1] = s.Schema }, fault.ReasonSchemaMismatch},
		"after the trailer":   {func(s *parttest.Stream) { s.After = s.Batches[0] }, fault.ReasonTrailerMismatch},
		"no schema":           {func(s *parttest.Stream) { s.Schema = []byte("x") }, fault.ReasonSchemaMismatch},
	} {
		t.Run(name, func(t *testing.T) {
			stream := parttest.Rows{Table: messages, Count: 3000, PerBatch: 1000, Foreign: -1}.Stream(t)
			c.damage(stream)
			if _, err := f.upload(stream, messages); fault.ReasonOf(err) != c.want {
				t.Errorf("got %v (%s), want %s", err, fault.ReasonOf(err), c.want)
			}
			f.nothingLeft(t)
			if len(f.told) != 0 {
				t.Errorf("told %v", f.told)
			}
		})
	}
}

func foreignRows(t *testing.T, f *fixture) {
	for _, table := range []string{"DIM_LOCATIONS", messages} {
		for _, position := range []int{0, 1500, 2999} {
			t.Run(fmt.Sprintf("%s row %d", table, position), func(t *testing.T) {
				stream := parttest.Rows{Table: table, Count: 3000, PerBatch: 1000, Foreign: position}.Stream(t)
				if _, err := f.upload(stream, table); fault.ReasonOf(err) != fault.ReasonScopeViolation || fault.Retryable(err) {
					t.Errorf("got %v, want SCOPE_VIOLATION, never retried", err)
				}
				f.nothingLeft(t)
				f.escalated(t, table)
			})
		}
	}
}

// escalated fails the test unless one event names run, table and part, and nothing of the row.
func (f *fixture) escalated(t *testing.T, table string) {
	t.Helper()
	run := parttest.Run(date)
	want := []*eventv1.Event{{
		EventId: run.GetRunId() + ".part.outside_scope." + table + ".3.1", Type: "part.outside_scope", CustomerId: run.GetCustomerId(), ExportId: run.GetExportId(),
		RunId: run.GetRunId(), ExportDate: date, Table: table, PartIndex: proto.Int32(3), Reason: "SCOPE_VIOLATION",
		Message: "table " + table + " part 3 holds a row outside the approved scope; nothing of it was kept",
	}}
	if diff := cmp.Diff(want, f.told, protocmp.Transform()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	f.told = nil
}

// foreignRowLate has several pieces on their way when the last row turns out to be foreign.
func foreignRowLate(t *testing.T, f *fixture) {
	const count = 150_000
	stream := parttest.Rows{Table: messages, Count: count, PerBatch: 10_000, Foreign: count - 1, Width: 200}.Stream(t)
	if _, err := f.upload(stream, messages); fault.ReasonOf(err) != fault.ReasonScopeViolation {
		t.Errorf("got %v, want SCOPE_VIOLATION", err)
	}
	f.nothingLeft(t)
}

func otherSchemas(t *testing.T, f *fixture) {
	for name, c := range map[string]struct{ rows, as string }{
		"another table":   {"DIM_LOCATIONS", messages},
		"another count":   {"DIM_DATES", messages},
		"not of revision": {"FACT_REVIEWS", "FACT_REVIEWS"},
	} {
		stream := parttest.Rows{Table: c.rows, Count: 10, Foreign: -1}.Stream(t)
		_, err := f.upload(stream, c.as)
		if r := fault.ReasonOf(err); r != fault.ReasonSchemaMismatch && r != fault.ReasonUnknownTable || fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: got %v, want SCHEMA_MISMATCH or UNKNOWN_TABLE", name, err)
		}
		f.nothingLeft(t)
	}
	elsewhere := parttest.Rows{Table: messages, Count: 10, Foreign: -1}.Stream(t)
	elsewhere.Schema = bytes.ReplaceAll(elsewhere.Schema, []byte("NUMBER(18,6)"), []byte("NUMBER(18,5)"))
	if _, err := f.upload(elsewhere, messages); fault.ReasonOf(err) != fault.ReasonSchemaMismatch || !strings.Contains(err.Error(), "NUMBER(18,5)") {
		t.Errorf("a point in another place: got %v, want SCHEMA_MISMATCH", err)
	}
	f.nothingLeft(t)
	stream := parttest.Rows{Table: messages, Count: 10, Foreign: -1, Null: "message_id"}.Stream(t)
	if _, err := f.upload(stream, messages); fault.ReasonOf(err) != fault.ReasonSchemaMismatch {
		t.Errorf("null in a primary key: got %v, want SCHEMA_MISMATCH", err)
	}
	f.nothingLeft(t)
}

func otherRuns(t *testing.T, f *fixture) {
	for name, change := range map[string]func(*part.Header){
		"customer":        func(h *part.Header) { h.Run.CustomerId = "other" },
		"revision":        func(h *part.Header) { h.Run.Revision = 2 },
		"run id":          func(h *part.Header) { h.Run.RunId = "../../acme-daily-20261123-1" },
		"run id of date":  func(h *part.Header) { h.Run.RunId = "acme-daily-20261124-1" },
		"extraction 0":    func(h *part.Header) { h.Run.RunId = "acme-daily-20261123-0" },
		"export date":     func(h *part.Header) { h.Run.ExportDate = "2026-11-23/../x" },
		"no as-of time":   func(h *part.Header) { h.Run.AsOfTime = nil },
		"empty run id":    func(h *part.Header) { h.Run.RunId = "" },
		"nothing but ids": func(h *part.Header) { h.Run.RunId = "-1" },
	} {
		stream := parttest.Rows{Table: messages, Count: 10, Foreign: -1}.Stream(t)
		h := stream.Header(parttest.Run(date), messages, 0)
		change(&h)
		if _, err := f.uploader.Upload(t.Context(), h, stream); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: got %v, want Invalid", name, err)
		}
		f.nothingLeft(t)
	}
}

// lostCaller ends the call's context in the middle, as gRPC does when the extractor dies.
func lostCaller(t *testing.T, f *fixture) {
	ctx, cancel := context.WithCancel(t.Context())
	stream := parttest.Rows{Table: messages, Count: 3000, PerBatch: 1000, Foreign: -1}.Stream(t)
	dying := &dyingStream{Stream: stream, cancel: cancel}
	if _, err := f.uploader.Upload(ctx, stream.Header(parttest.Run(date), messages, 0), dying); err == nil || !fault.Retryable(err) {
		t.Errorf("got %v, want an error that may be retried", err)
	}
	f.nothingLeft(t)
}

type dyingStream struct {
	part.Stream
	cancel context.CancelFunc
	calls  int
}

func (d *dyingStream) Next() ([]byte, *part.Trailer, error) {
	if d.calls++; d.calls > 2 {
		d.cancel()
		return nil, nil, fault.Wrap(context.Canceled, fault.Unavailable, fault.ReasonCanceled, "receiving from the caller")
	}
	return d.Stream.Next()
}

func (f *fixture) upload(s *parttest.Stream, table string) (*deliveryv1.Receipt, error) {
	return f.uploader.Upload(f.t.Context(), s.Header(parttest.Run(date), table, 3), s)
}

func (f *fixture) invisible() {
	f.t.Helper()
	key := (drop.Format{}).PartKey(messages, date, parttest.Run(date).GetRunId(), 3)
	if _, err := f.bucket.Head(f.t.Context(), key); !errors.Is(err, bucket.ErrNotFound) {
		f.t.Errorf("Head of the file: got %v, want ErrNotFound", err)
	}
}

func (f *fixture) nothingLeft(t *testing.T) {
	t.Helper()
	f.invisible()
	if left, err := f.bucket.ListUploads(t.Context(), drop.Prefix); err != nil || len(left) != 0 {
		t.Errorf("uploads left: %v, %v", left, err)
	}
}

func newFixture(t *testing.T, server *objectstore.Server, owner string) *fixture {
	t.Helper()
	name := "acme-" + strings.ToLower(rand.Text())
	if err := server.CreateBucket(t.Context(), name, []objectstore.Grant{{AccessKey: accessKey, Write: true}}); err != nil {
		t.Fatal(err)
	}
	opener, err := s3bucket.NewOpener(t.Context(), s3bucket.Keys{AccessKey: accessKey, SecretKey: secretKey}, s3bucket.STS{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(opener.Close)
	tel, err := obs.Setup(t.Context(), obs.Config{Service: "delivery"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	d := bucket.Destination{Bucket: name, Region: objectstore.Region, Endpoint: server.Endpoint(), Owner: owner}
	f := &fixture{t: t, bucket: opener.Open(d)}
	f.uploader = &part.Uploader{Runs: parttest.Runs{}, Revisions: revisions{parttest.Revision(t, d)}, Buckets: opener, Announce: f.announce, Tel: tel}
	return f
}

func startStore(t *testing.T) *objectstore.Server {
	t.Helper()
	// Not t.TempDir: the server's working directory is its root until it is closed.
	root, err := os.MkdirTemp("", "part-")
	if err != nil {
		t.Fatal(err)
	}
	s, err := objectstore.Start(t.Context(), objectstore.Config{
		Root: root, Listen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler),
		Admin: objectstore.Account{AccessKey: "adminkey", SecretKey: "adminsecret", Owner: parttest.Owner},
		Users: []objectstore.User{{AccessKey: accessKey, SecretKey: secretKey}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		_ = os.RemoveAll(root)
	})
	return s
}
