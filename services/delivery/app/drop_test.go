package app_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	"github.com/customer-exports/exports/services/delivery/internal/parttest"
)

// flips is how many bits are turned, one after the other; seed says which.
const (
	flips = 1000
	seed  = 6
)

// landed is a service whose bucket holds the drop of one run, and the folder where that lies.
type landed struct {
	client deliveryv1.DropServiceClient
	runID  string
	folder string
}

func land(t *testing.T, format *configv1.Format) *landed {
	t.Helper()
	d, root := startStoreOnDisk(t)
	p := &peers{commits: make(chan *planv1.ReportCommitRequest, 9), failures: make(chan *planv1.Failure, 9)}
	p.answer = parttest.Answer(t, d)
	p.answer.Revision.Spec.Format = format
	p.run = &planv1.Run{Ref: parttest.Run(date), State: planv1.RunState_RUN_STATE_COMMITTING}
	queue, conn := serveApp(t, p)
	sendAll(t, deliveryv1.NewPartServiceClient(conn), p)
	queue()
	await(t, p.commits, p.failures)
	return &landed{client: deliveryv1.NewDropServiceClient(conn), runID: p.run.GetRef().GetRunId(), folder: filepath.Join(root, d.Bucket)}
}

// verify returns the objects that are not what was delivered, and how many were read.
func (l *landed) verify(ctx context.Context, t *testing.T) (damaged []*deliveryv1.ObjectVerdict, objects int) {
	t.Helper()
	stream, err := l.client.VerifyDrop(ctx, &deliveryv1.VerifyDropRequest{ExportId: parttest.Export, RunId: l.runID})
	if err != nil {
		t.Fatal(err)
	}
	var sum *deliveryv1.VerifySummary
	var read *deliveryv1.VerifyProgress
	for {
		answer, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if sum != nil {
			t.Fatal("something came after the summary")
		}
		sum = answer.GetSummary()
		if p := answer.GetProgress(); p != nil {
			if p.GetReadBytes() <= read.GetReadBytes() || p.GetReadBytes() > p.GetFileBytes() {
				t.Errorf("progress: %v after %v", p, read)
			}
			read = p
		}
		if o := answer.GetObject(); o != nil {
			objects++
			if o.GetReason() != "" {
				damaged = append(damaged, o)
			}
		}
	}
	if int(sum.GetObjectCount()) != objects || int(sum.GetDamagedCount()) != len(damaged) {
		t.Errorf("the summary says %v, after %d objects of which %d are damaged", sum, objects, len(damaged))
	}
	if len(damaged) == 0 && read.GetReadBytes() != read.GetFileBytes() {
		t.Errorf("progress ends with %v", read)
	}
	return damaged, objects
}

func (l *landed) files(t *testing.T) (all []string) {
	t.Helper()
	err := filepath.WalkDir(l.folder, func(path string, entry os.DirEntry, err error) error {
		if key, _ := filepath.Rel(l.folder, path); err == nil && !entry.IsDir() && strings.HasPrefix(key, drop.Prefix) &&
			key != drop.LatestKey && !strings.HasSuffix(key, "_started") {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestDropsAreFound(t *testing.T) {
	l := land(t, nil)
	list, err := l.client.ListDrops(t.Context(), &deliveryv1.ListDropsRequest{ExportId: parttest.Export, FromDate: "2026-11-01", ToDate: "2026-11-30", PageSize: 7})
	if err != nil || len(list.GetDrops()) != 0 || list.GetNextPageToken() != "2026-11-23" {
		t.Fatalf("first page: %v, %v", list, err)
	}
	list, err = l.client.ListDrops(t.Context(), &deliveryv1.ListDropsRequest{
		ExportId: parttest.Export, FromDate: "2026-11-01", ToDate: "2026-11-30", PageToken: list.GetNextPageToken(),
	})
	if err != nil || len(list.GetDrops()) != 1 || list.GetNextPageToken() != "" {
		t.Fatalf("last page: %v, %v", list, err)
	}
	found := list.GetDrops()[0]
	if found.GetRunId() != l.runID || found.GetExportDate() != date || found.GetState() != deliveryv1.DropState_DROP_STATE_COMMITTED ||
		found.GetTableCount() != 3 || found.GetFileCount() != 3 || found.GetRowCount() != 113 || found.GetFileBytes() == 0 {
		t.Errorf("found %v", found)
	}
	if found.GetExportId() != parttest.Export {
		t.Errorf("found a drop of %s", found.GetExportId())
	}
	all, err := l.client.ListDrops(t.Context(), &deliveryv1.ListDropsRequest{CustomerId: parttest.Customer, FromDate: date, ToDate: date})
	if err != nil || len(all.GetDrops()) != 1 || all.GetDrops()[0].String() != found.String() {
		t.Errorf("drops of the customer: %v, %v", all, err)
	}
	if none, err := l.client.ListDrops(t.Context(), &deliveryv1.ListDropsRequest{CustomerId: "bella", FromDate: date, ToDate: date}); err != nil || len(none.GetDrops()) != 0 {
		t.Errorf("drops of another customer: %v, %v", none, err)
	}
	one, err := l.client.GetDrop(t.Context(), &deliveryv1.GetDropRequest{ExportId: parttest.Export, RunId: l.runID, Revision: 1})
	if err != nil || one.GetDrop().String() != found.String() {
		t.Errorf("got %v, %v", one.GetDrop(), err)
	}
	if m, err := drop.ParseManifest([]byte(one.GetManifestJson())); err != nil || m.RunID != l.runID {
		t.Errorf("the manifest is %v, %v", m, err)
	}
}

func TestDropsThatAreNotThere(t *testing.T) {
	l := land(t, nil)
	for runID, want := range map[string]fault.Kind{
		strings.Replace(l.runID, "20261120", "20261121", 1): fault.NotFound, l.runID + "1": fault.NotFound, l.runID + "/../x": fault.Invalid, "other": fault.Invalid,
	} {
		if _, err := l.client.GetDrop(t.Context(), &deliveryv1.GetDropRequest{ExportId: parttest.Export, RunId: runID}); fault.KindOf(err) != want {
			t.Errorf("GetDrop %s: got %v, want kind %s", runID, err, want)
		}
		stream, err := l.client.VerifyDrop(t.Context(), &deliveryv1.VerifyDropRequest{ExportId: parttest.Export, RunId: runID})
		if err == nil {
			_, err = stream.Recv()
		}
		if fault.KindOf(err) != want {
			t.Errorf("VerifyDrop %s: got %v, want kind %s", runID, err, want)
		}
	}
	for name, q := range map[string]*deliveryv1.ListDropsRequest{
		"a reversed range":         {ExportId: parttest.Export, FromDate: "2026-11-30", ToDate: "2026-11-01"},
		"nobody's":                 {FromDate: date, ToDate: date},
		"export and customer":      {ExportId: parttest.Export, CustomerId: parttest.Customer, FromDate: date, ToDate: date},
		"a revision of a customer": {CustomerId: parttest.Customer, Revision: 1, FromDate: date, ToDate: date},
		"a token of another range": {ExportId: parttest.Export, FromDate: date, ToDate: date, PageToken: "2026-11-21"},
	} {
		if _, err := l.client.ListDrops(t.Context(), q); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: got %v, want a request that is refused", name, err)
		}
	}
}

// write replaces manifest and marker on the object store's disk, as if they had been committed so.
func (l *landed) write(t *testing.T, manifest []byte) {
	t.Helper()
	success, err := drop.Success{Digest: drop.Digest(manifest)}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for key, data := range map[string][]byte{drop.ManifestKey(date, l.runID): manifest, drop.SuccessKey(date, l.runID): success} {
		if err := os.WriteFile(filepath.Join(l.folder, key), data, 0); err != nil {
			t.Fatal(err)
		}
	}
}

// TestADamagedManifestHidesNoOtherDrop looks at a drop whose manifest cannot be read.
func TestADamagedManifestHidesNoOtherDrop(t *testing.T) {
	l := land(t, nil)
	l.write(t, []byte("{}"))
	list, err := l.client.ListDrops(t.Context(), &deliveryv1.ListDropsRequest{ExportId: parttest.Export, FromDate: date, ToDate: date})
	if err != nil || len(list.GetDrops()) != 1 || list.GetDrops()[0].GetState() != deliveryv1.DropState_DROP_STATE_DAMAGED {
		t.Errorf("listed %v, %v", list, err)
	}
	one, err := l.client.GetDrop(t.Context(), &deliveryv1.GetDropRequest{ExportId: parttest.Export, RunId: l.runID})
	if err != nil || one.GetDrop().GetState() != deliveryv1.DropState_DROP_STATE_DAMAGED || one.GetManifestJson() != "{}" {
		t.Errorf("got %v, %v", one, err)
	}
	if damaged, objects := l.verify(t.Context(), t); objects != 2 || len(damaged) != 1 || !strings.HasSuffix(damaged[0].GetKey(), "manifest.json") {
		t.Errorf("verified %d objects, damaged %v", objects, damaged)
	}
}

// TestWrongTotalsAreFound has a manifest vouch for what its files do not hold, although each is as it says.
func TestWrongTotalsAreFound(t *testing.T) {
	l := land(t, nil)
	data, err := os.ReadFile(filepath.Join(l.folder, drop.ManifestKey(date, l.runID)))
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*drop.Total){
		"nulls": func(total *drop.Total) { total.NullCount++ }, "sum": func(total *drop.Total) { total.Sum = "1" + total.Sum },
	} {
		m, err := drop.ParseManifest(data)
		if err != nil {
			t.Fatal(err)
		}
		spoil(nullableNumber(t, &m.Tables[2]))
		spoilt, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		l.write(t, spoilt)
		damaged, objects := l.verify(t.Context(), t)
		if objects != 6 || len(damaged) != 1 || damaged[0].GetTable() != m.Tables[2].Table || damaged[0].GetReason() != string(fault.ReasonReadBackMismatch) {
			t.Errorf("%s: %d verdicts, damaged %v", name, objects, damaged)
		}
	}
}

// nullableNumber is the totals of the first column of which nulls and a sum are told.
func nullableNumber(t *testing.T, table *drop.Table) *drop.Total {
	t.Helper()
	for i := range table.Totals {
		if table.Schema[i].Nullable && table.Totals[i].Sum != "" {
			return &table.Totals[i]
		}
	}
	t.Fatalf("%s has no such column", table.Table)
	return nil
}

// TestAnyFlippedBitIsFound turns one bit at a time of what lies on the object store's disk, where its own checksums stay as they
// are, anywhere in manifest, _SUCCESS and files.
func TestAnyFlippedBitIsFound(t *testing.T) {
	l := land(t, nil)
	if damaged, objects := l.verify(t.Context(), t); len(damaged) != 0 || objects != 5 {
		t.Fatalf("before: %d objects, damaged %v", objects, damaged)
	}
	t.Logf("seed %d", seed)
	files, random := l.files(t), rand.New(rand.NewPCG(seed, 1))
	before := heap()
	for range flips {
		path := files[random.IntN(len(files))]
		restore := flip(t, path, random)
		damaged, _ := l.verify(t.Context(), t)
		if len(damaged) == 0 {
			t.Errorf("%s: a flipped bit was not found", path)
		}
		for _, o := range damaged {
			if reason := fault.Reason(o.GetReason()); reason != fault.ReasonReadBackMismatch && reason != fault.ReasonFileChanged || o.GetMessage() == "" {
				t.Errorf("%s: the verdict is %v", path, o)
			}
		}
		restore()
	}
	if damaged, _ := l.verify(t.Context(), t); len(damaged) != 0 {
		t.Errorf("after: damaged %v", damaged)
	}
	if grown := heap() - before; grown > ceiling {
		t.Errorf("the heap has grown by %d bytes, want at most %d", grown, int64(ceiling))
	}
}

// ceiling is what the whole process, the object store too, may take in addition while it verifies damaged drops.
const ceiling = 64 << 20

// heap is the most that the process ever had in use as its heap: it gives nothing back to what this counts.
func heap() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapSys)
}

// flip turns one bit in place: the store keeps what it knows of an object beside the file.
func flip(t *testing.T, path string, random *rand.Rand) (restore func()) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	at, bit := random.Int64N(info.Size()), byte(1)<<random.IntN(8)
	var one [1]byte
	if _, err := file.ReadAt(one[:], at); err != nil {
		t.Fatal(err)
	}
	put := func(value byte) {
		if _, err := file.WriteAt([]byte{value}, at); err != nil {
			t.Fatal(err)
		}
	}
	put(one[0] ^ bit)
	return func() {
		put(one[0])
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestWhatIsGoneIsFound takes each object away in turn.
func TestWhatIsGoneIsFound(t *testing.T) {
	l := land(t, &configv1.Format{FileFormat: configv1.FileFormat_FILE_FORMAT_CSV, Compression: configv1.Compression_COMPRESSION_GZIP})
	for _, path := range l.files(t) {
		if strings.HasSuffix(path, "manifest.json") {
			continue
		}
		if err := os.Rename(path, path+".away"); err != nil {
			t.Fatal(err)
		}
		if damaged, _ := l.verify(t.Context(), t); len(damaged) != 1 || !strings.HasSuffix(path, damaged[0].GetKey()) {
			t.Errorf("%s is gone: damaged %v", path, damaged)
		}
		if err := os.Rename(path+".away", path); err != nil {
			t.Fatal(err)
		}
	}
}
