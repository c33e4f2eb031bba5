package app_test

import (
	"testing"
	"time"

	"github.com/customer-exports/exports/pkg/drop"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
	"github.com/customer-exports/exports/services/delivery/internal/bucket/s3bucket"
	"github.com/customer-exports/exports/services/delivery/internal/parttest"
)

// TestTheExpireTaskDeletesTheDrop is the last drop of an export that was archived: nothing of it stays.
func TestTheExpireTaskDeletesTheDrop(t *testing.T) {
	d, p := startStore(t), &peers{expiries: make(chan string, 9), failures: make(chan *planv1.Failure, 9)}
	p.answer = parttest.Answer(t, d)
	p.run = &planv1.Run{Ref: parttest.Run(date), State: planv1.RunState_RUN_STATE_EXPIRING}
	opener, err := s3bucket.NewOpener(t.Context(), s3bucket.Keys{AccessKey: accessKey, SecretKey: secretKey}, s3bucket.STS{})
	if err != nil {
		t.Fatal(err)
	}
	defer opener.Close()
	store := opener.Open(d)
	putOldDrop(t, store)
	queue, _ := startApp(t, p)
	queue()
	if got := await(t, p.expiries, p.failures); got != p.run.GetRef().GetRunId() {
		t.Errorf("reported for %s", got)
	}
	if left, err := store.List(t.Context(), drop.Prefix); err != nil || len(left) != 0 {
		t.Errorf("%q is left, %v", left, err)
	}
}

// putOldDrop puts the drop of the run as a commit leaves it, and its retention an hour after the due time.
func putOldDrop(t *testing.T, store bucket.Bucket) {
	t.Helper()
	run := parttest.Run(date)
	due, id := run.GetDueTime().AsTime(), run.GetRunId()
	m := &drop.Manifest{
		CustomerID: run.GetCustomerId(), CustomerName: "Acme", ExportID: run.GetExportId(), Revision: 1, RunID: id, ScopeDigest: drop.Digest(nil),
		ExportDate: date, DueTime: due, AsOfTime: due, CommitTime: due, ExpireTime: due.Add(time.Hour), ProducerVersion: "delivery/test",
		Tables: []drop.Table{{
			Table: "DIM_DATES", RowCount: 1, PrimaryKey: []string{"date"}, Schema: []drop.Column{{Name: "date", Type: "DATE"}},
			Files: []drop.File{{Key: drop.Format{}.PartKey("DIM_DATES", date, id, 0), Bytes: 4, Rows: 1, CRC64NVME: "AAAAAAAAAAA=", SHA256: drop.Digest(nil)}},
		}},
	}
	manifest, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	key := drop.ManifestKey(date, id)
	latest, err := drop.Latest{RunID: id, ExportDate: date, ManifestKey: key, ManifestSHA256: drop.Digest(manifest)}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for key, data := range map[string][]byte{
		m.Tables[0].Files[0].Key: []byte("rows"), drop.StartedKey(date, id): []byte("{}"), key: manifest,
		drop.SuccessKey(date, id): []byte("{}"), drop.LatestKey: latest,
	} {
		if err := store.PutNew(t.Context(), key, data); err != nil {
			t.Fatal(err)
		}
	}
}
