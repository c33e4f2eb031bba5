package expire_test

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/customer-exports/exports/deploy/local/objectstore"
	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/obs"
	eventv1 "github.com/customer-exports/exports/proto/exports/event/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/delivery/internal/approved"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
	"github.com/customer-exports/exports/services/delivery/internal/bucket/s3bucket"
	"github.com/customer-exports/exports/services/delivery/internal/expire"
	"github.com/customer-exports/exports/services/delivery/internal/parttest"
)

const (
	accessKey = "writerkey"
	secretKey = "writersecret"
	older     = "2026-10-01"
	newer     = "2026-10-02"
	// kept is what stays in the bucket: keys that no manifest names.
	kept = drop.Prefix + "_contract/note.txt"
)

// retained is how long the drops of these tests are kept, from their commit on.
const retained = 30 * 24 * time.Hour

var server *objectstore.Server

func TestMain(m *testing.M) { os.Exit(runWithStore(m)) }

// runWithStore shares one server: a process can have one only.
func runWithStore(m *testing.M) int {
	root, err := os.MkdirTemp("", "expire-")
	if err != nil {
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

// fixture is a bucket of the real server with the drops of two dates.
type fixture struct {
	bucket  bucket.Bucket
	expirer *expire.Expirer
	inForce approved.InForce
	expired []string // runs, as they are reported
	mu      sync.Mutex
	deleted []string // event ids
}

func (f *fixture) InForce(context.Context, string) (approved.InForce, error) { return f.inForce, nil }

func (f *fixture) Expired(_ context.Context, runID string) error {
	f.expired = append(f.expired, runID)
	return nil
}

func (f *fixture) announce(_ context.Context, e *eventv1.Event) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.deleted = append(f.deleted, e.GetEventId())
	return nil
}

// revisions is the config service's answer.
type revisions struct{ revision *approved.Revision }

func (r revisions) Revision(context.Context, string, int64) (*approved.Revision, error) {
	return r.revision, nil
}

// opened gives the same bucket whatever is asked for.
type opened struct{ bucket.Bucket }

func (o opened) Open(bucket.Destination) bucket.Bucket { return o.Bucket }

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := emptyFixture(t)
	f.put(t, kept, []byte("ours"))
	f.deliver(t, older)
	f.deliver(t, newer)
	return f
}

func emptyFixture(t *testing.T) *fixture {
	t.Helper()
	d := bucket.Destination{Bucket: "acme-" + strings.ToLower(rand.Text()), Region: objectstore.Region, Endpoint: server.Endpoint(), Owner: parttest.Owner}
	grant(t, d.Bucket, true)
	opener, err := s3bucket.NewOpener(t.Context(), s3bucket.Keys{AccessKey: accessKey, SecretKey: secretKey}, s3bucket.STS{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(opener.Close)
	tel, err := obs.Setup(t.Context(), obs.Config{Service: "delivery"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{bucket: opener.Open(d), inForce: approved.InForce{Destination: d}}
	f.expirer = &expire.Expirer{
		Runs: f, Exports: f, Revisions: revisions{parttest.Revision(t, d)}, Buckets: opened{f.bucket}, Announce: f.announce, Tel: tel,
		Now: func() time.Time { return parttest.Run(newer).GetDueTime().AsTime().Add(2 * retained) },
	}
	return f
}

func grant(t *testing.T, name string, write bool) {
	t.Helper()
	if err := server.CreateBucket(t.Context(), name, []objectstore.Grant{{AccessKey: accessKey, Write: write}}); err != nil {
		t.Fatal(err)
	}
}

// deliver puts the drop of a date as a commit leaves it, and points latest.json at it.
func (f *fixture) deliver(t *testing.T, date string) {
	t.Helper()
	m := manifest(date)
	for _, table := range m.Tables {
		for _, file := range table.Files {
			f.put(t, file.Key, []byte("rows"))
		}
	}
	data, err := m.Encode()
	must(t, err)
	success, err := drop.Success{Digest: drop.Digest(data)}.Encode()
	must(t, err)
	latest, err := drop.Latest{RunID: m.RunID, ExportDate: date, ManifestKey: drop.ManifestKey(date, m.RunID), ManifestSHA256: drop.Digest(data)}.Encode()
	must(t, err)
	f.put(t, drop.StartedKey(date, m.RunID), []byte("{}"))
	f.put(t, drop.ManifestKey(date, m.RunID), data)
	f.put(t, drop.SuccessKey(date, m.RunID), success)
	must(t, f.bucket.Delete(t.Context(), drop.LatestKey))
	f.put(t, drop.LatestKey, latest)
}

func manifest(date string) *drop.Manifest {
	run := parttest.Run(date)
	due := run.GetDueTime().AsTime()
	m := &drop.Manifest{
		CustomerID: run.GetCustomerId(), CustomerName: "Acme", ExportID: run.GetExportId(), Revision: 1, RunID: run.GetRunId(),
		ScopeDigest: drop.Digest([]byte("scope")), ExportDate: date, DueTime: due, AsOfTime: due, CommitTime: due, ExpireTime: due.Add(retained),
		ProducerVersion: "delivery/test",
	}
	for _, name := range []string{"DIM_DATES", "FACT_MESSAGES"} {
		table := drop.Table{Table: name, PrimaryKey: []string{"id"}, Schema: []drop.Column{{Name: "id", Type: "STRING"}}}
		for i := range 5 {
			key := drop.Format{}.PartKey(name, date, m.RunID, i)
			table.Files = append(table.Files, drop.File{Key: key, Bytes: 4, Rows: 1, CRC64NVME: "AAAAAAAAAAA=", SHA256: drop.Digest([]byte(key))})
			table.RowCount++
		}
		m.Tables = append(m.Tables, table)
	}
	return m
}

func (f *fixture) put(t *testing.T, key string, data []byte) {
	t.Helper()
	must(t, f.bucket.PutNew(t.Context(), key, data))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// keys lists what is in the bucket.
func (f *fixture) keys(t *testing.T) []string {
	t.Helper()
	keys, err := f.bucket.List(t.Context(), drop.Prefix)
	must(t, err)
	return keys
}

func (f *fixture) expire(t *testing.T, run *taskv1.RunRef) error {
	t.Helper()
	return f.expireFor(t, run, nil)
}

func (f *fixture) expireFor(t *testing.T, run, by *taskv1.RunRef) error {
	t.Helper()
	return f.expirer.Expire(t.Context(), run, &taskv1.ExpireWork{SupersededBy: by}, func() {})
}
