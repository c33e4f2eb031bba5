package commit_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/customer-exports/exports/deploy/local/objectstore"
	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/delivery/internal/approved"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
	"github.com/customer-exports/exports/services/delivery/internal/bucket/s3bucket"
	"github.com/customer-exports/exports/services/delivery/internal/commit"
	"github.com/customer-exports/exports/services/delivery/internal/part"
	"github.com/customer-exports/exports/services/delivery/internal/parttest"
)

const (
	accessKey = "writerkey"
	secretKey = "writersecret"
	date      = "2026-11-23"
)

// parts are what a run of the tests consists of.
var parts = []parttest.Rows{
	{Table: "DIM_DATES", Count: 365, Foreign: -1},
	{Table: "DIM_LOCATIONS", Count: 0, Foreign: -1},
	{Table: "FACT_MESSAGES", Count: 500, Foreign: -1},
	{Table: "FACT_MESSAGES", Count: 700, Foreign: -1},
}

// committedAt lies behind every as-of time of these tests.
var committedAt = time.Date(2026, 12, 1, 6, 30, 0, 0, time.UTC)

var (
	server *objectstore.Server
	root   string // of the server's objects
)

func TestMain(m *testing.M) { os.Exit(runWithStore(m)) }

// runWithStore shares one server: a process can have one only.
func runWithStore(m *testing.M) int {
	var err error
	if root, err = os.MkdirTemp("", "commit-"); err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(root) }()
	server, err = objectstore.Start(context.Background(), objectstore.Config{
		Root: root, Listen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler),
		Admin: objectstore.Account{AccessKey: "adminkey", SecretKey: "adminsecret", Owner: parttest.Owner},
		Users: []objectstore.User{{AccessKey: accessKey, SecretKey: secretKey}},
	})
	if err != nil {
		panic(err)
	}
	defer func() { _ = server.Close() }()
	return m.Run()
}

// fixture is one bucket of the real server, and a run whose parts are uploaded.
type fixture struct {
	bucket    bucket.Bucket
	run       *taskv1.RunRef
	planner   *memPlanner
	committer *commit.Committer
	aborter   *commit.Aborter
}

// revisions is the config service's answer.
type revisions struct{ revision *approved.Revision }

func (r revisions) Revision(context.Context, string, int64) (*approved.Revision, error) {
	return r.revision, nil
}

// opened gives the same bucket whatever is asked for.
type opened struct{ bucket.Bucket }

func (o opened) Open(bucket.Destination) bucket.Bucket { return o.Bucket }

// memPlanner holds one run as the planner does; its first report of a commit stands.
type memPlanner struct {
	mu          sync.Mutex
	plan        commit.Plan
	manifestKey string
	at, expires time.Time
	reports     int
	aborts      int
}

// Wanted answers as the planner does.
func (p *memPlanner) Wanted(context.Context, string) error {
	if s := p.plan.Run.GetState(); s != planv1.RunState_RUN_STATE_COMMITTING {
		return fault.New(fault.State, fault.ReasonNotActive, "the run is %s", s)
	}
	return nil
}

func (p *memPlanner) Aborted(context.Context, string) error {
	p.aborts++
	return nil
}

func (p *memPlanner) Plan(context.Context, string) (commit.Plan, error) { return p.plan, nil }

func (p *memPlanner) Committed(_ context.Context, runID, manifestKey string, at, expires time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reports++; p.reports > 1 && (p.manifestKey != manifestKey || !p.at.Equal(at) || !p.expires.Equal(expires)) {
		return fmt.Errorf("run %s: %s at %s was reported before, now %s at %s", runID, p.manifestKey, p.at, manifestKey, at)
	}
	p.manifestKey, p.at, p.expires = manifestKey, at, expires
	return nil
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	d := newBucket(t)
	return uploadRun(t, d, date)
}

func newBucket(t *testing.T) bucket.Destination {
	t.Helper()
	name := "acme-" + strings.ToLower(rand.Text())
	if err := server.CreateBucket(t.Context(), name, []objectstore.Grant{{AccessKey: accessKey, Write: true}}); err != nil {
		t.Fatal(err)
	}
	return bucket.Destination{Bucket: name, Region: objectstore.Region, Endpoint: server.Endpoint(), Owner: parttest.Owner}
}

// uploadRun uploads every part of the run of a date, as the extractor would have it done.
func uploadRun(t *testing.T, d bucket.Destination, date string) *fixture {
	t.Helper()
	return uploadRunOf(t, d, date, 1)
}

func uploadRunOf(t *testing.T, d bucket.Destination, date string, extraction int) *fixture {
	t.Helper()
	return uploadRunIn(t, d, date, extraction, nil)
}

func uploadRunIn(t *testing.T, d bucket.Destination, date string, extraction int, format *configv1.Format) *fixture {
	t.Helper()
	opener, err := s3bucket.NewOpener(t.Context(), s3bucket.Keys{AccessKey: accessKey, SecretKey: secretKey}, s3bucket.STS{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(opener.Close)
	tel, err := obs.Setup(t.Context(), obs.Config{Service: "delivery"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	store := opener.Open(d)
	from := revisions{parttest.RevisionIn(t, d, format)}
	f := &fixture{bucket: store, run: parttest.Run(date), planner: &memPlanner{}}
	f.run.RunId = strings.TrimSuffix(f.run.GetRunId(), "1") + strconv.Itoa(extraction)
	uploader := &part.Uploader{Runs: parttest.Runs{}, Revisions: from, Buckets: opened{store}, Tel: tel}
	f.planner.plan = uploadParts(t, uploader, f.run)
	f.committer = &commit.Committer{
		Planner: f.planner, Revisions: from, Buckets: opened{store}, Tel: tel, Producer: "delivery/test",
		Now: func() time.Time { return committedAt },
	}
	f.aborter = &commit.Aborter{Runs: f.planner, Revisions: from, Buckets: opened{store}, Tel: tel}
	return f
}

func uploadParts(t *testing.T, uploader *part.Uploader, run *taskv1.RunRef) commit.Plan {
	t.Helper()
	plan := commit.Plan{Run: &planv1.Run{
		Ref: proto.CloneOf(run), State: planv1.RunState_RUN_STATE_COMMITTING,
		TraceId: "0af7651916cd43dd8448eb211c80319c", Traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	}}
	for _, rows := range parts {
		table := tableOf(plan.Run, rows.Table)
		index := int32(len(table.Parts))
		stream := rows.Stream(t)
		receipt, err := uploader.Upload(t.Context(), stream.Header(run, rows.Table, index), stream)
		if err != nil {
			t.Fatal(err)
		}
		plan.Receipts = append(plan.Receipts, receipt)
		table.Parts = append(table.Parts, &planv1.PartProgress{PartIndex: index, MeasuredRowCount: int64(rows.Count), Received: true})
		table.MeasuredRowCount += int64(rows.Count)
	}
	return plan
}

func tableOf(run *planv1.Run, name string) *planv1.TableProgress {
	for _, table := range run.GetTables() {
		if table.GetTable() == name {
			return table
		}
	}
	table := &planv1.TableProgress{Table: name}
	run.Tables = append(run.Tables, table)
	return table
}

func (f *fixture) commit(t *testing.T) error {
	t.Helper()
	return f.committer.Commit(t.Context(), f.run, func() {})
}

// visible counts the files that can be seen.
func (f *fixture) visible(t *testing.T) int {
	t.Helper()
	count := 0
	for _, r := range f.planner.plan.Receipts {
		_, err := f.bucket.Head(t.Context(), r.GetKey())
		if err == nil {
			count++
		} else if !errors.Is(err, bucket.ErrNotFound) {
			t.Fatal(err)
		}
	}
	return count
}

// complete fails the test unless the whole drop stands and nothing else is left.
func (f *fixture) complete(t *testing.T) *drop.Manifest {
	t.Helper()
	m := f.manifest(t)
	for _, table := range m.Tables {
		for _, file := range table.Files {
			data, _, err := f.bucket.Get(t.Context(), file.Key)
			if err != nil || int64(len(data)) != file.Bytes || drop.Digest(data) != file.SHA256 || bucket.Checksum(data) != file.CRC64NVME {
				t.Errorf("file %s is not the one of the manifest: %v", file.Key, err)
			}
		}
	}
	if left, err := f.bucket.ListUploads(t.Context(), drop.Prefix); err != nil || len(left) != 0 {
		t.Errorf("uploads left: %v, %v", left, err)
	}
	if want := drop.ManifestKey(f.run.GetExportDate(), f.run.GetRunId()); f.planner.manifestKey != want || !f.planner.at.Equal(m.CommitTime) {
		t.Errorf("reported: got %s at %s, want %s at %s", f.planner.manifestKey, f.planner.at, want, m.CommitTime)
	}
	return m
}

func (f *fixture) manifest(t *testing.T) *drop.Manifest {
	t.Helper()
	data := f.get(t, drop.ManifestKey(f.run.GetExportDate(), f.run.GetRunId()))
	m, err := drop.ParseManifest(data)
	if err != nil {
		t.Fatal(err)
	}
	success, err := drop.ParseSuccess(f.get(t, drop.SuccessKey(f.run.GetExportDate(), f.run.GetRunId())))
	if err != nil || success.Digest != drop.Digest(data) {
		t.Errorf("_SUCCESS: got %v, %v, want digest %s", success, err, drop.Digest(data))
	}
	return m
}

func (f *fixture) get(t *testing.T, key string) []byte {
	t.Helper()
	data, _, err := f.bucket.Get(t.Context(), key)
	if err != nil {
		t.Fatalf("reading %s: %v", key, err)
	}
	return data
}

func (f *fixture) latest(t *testing.T) *drop.Latest {
	t.Helper()
	latest, err := drop.ParseLatest(f.get(t, drop.LatestKey))
	if err != nil {
		t.Fatal(err)
	}
	return latest
}
