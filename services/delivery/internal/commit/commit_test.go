package commit_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
	"github.com/customer-exports/exports/services/delivery/internal/parttest"
)

func TestCommitMakesTheDropVisibleAtOnce(t *testing.T) {
	f := newFixture(t)
	if got := f.visible(t); got != 0 {
		t.Fatalf("files visible before the commit: %d", got)
	}
	moved := make(chan struct{}, 100)
	if err := f.committer.Commit(t.Context(), f.run, func() { moved <- struct{}{} }); err != nil {
		t.Fatal(err)
	}
	if len(moved) < 2*len(parts) {
		t.Errorf("progress: called %d times, want %d or more", len(moved), 2*len(parts))
	}
	m := f.complete(t)
	rows := map[string]int64{}
	for _, table := range m.Tables {
		rows[table.Table] = table.RowCount
	}
	if len(m.Tables) != 3 || rows["DIM_DATES"] != 365 || rows["DIM_LOCATIONS"] != 0 || rows["FACT_MESSAGES"] != 1200 {
		t.Errorf("manifest rows: got %v", rows)
	}
	if got := m.ExpireTime.Sub(m.CommitTime); got < 29*24*time.Hour || got > 31*24*time.Hour {
		t.Errorf("expiry: %s after the commit, want 30 days", got)
	}
	if got := f.latest(t); got.RunID != f.run.GetRunId() || got.ManifestSHA256 != drop.Digest(f.get(t, got.ManifestKey)) {
		t.Errorf("latest.json: got %+v", got)
	}
}

func TestRepeatedCommitChangesNothing(t *testing.T) {
	f := newFixture(t)
	if err := f.commit(t); err != nil {
		t.Fatal(err)
	}
	key := drop.ManifestKey(date, f.run.GetRunId())
	first := f.get(t, key)
	f.committer.Now = func() time.Time { return committedAt.Add(time.Hour) }
	f.committer.Producer = "delivery/newer"
	f.planner.plan.Run.State = planv1.RunState_RUN_STATE_COMMITTED
	for range 2 {
		if err := f.commit(t); err != nil {
			t.Fatalf("commit again: %v", err)
		}
	}
	if string(f.get(t, key)) != string(first) {
		t.Error("the manifest changed")
	}
	f.complete(t)
}

func TestCommitIsRefusedBeforeItBegins(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*fixture)
		want   fault.Reason
	}{
		"fewer rows than measured": {func(f *fixture) { f.planner.plan.Run.Tables[2].Parts[0].MeasuredRowCount++ }, fault.ReasonRowCountMismatch},
		"table total differs":      {func(f *fixture) { f.planner.plan.Run.Tables[2].MeasuredRowCount-- }, fault.ReasonRowCountMismatch},
		"receipt missing":          {func(f *fixture) { f.planner.plan.Receipts = f.planner.plan.Receipts[1:] }, fault.ReasonRowCountMismatch},
		"receipt twice": {func(f *fixture) {
			f.planner.plan.Receipts = append(f.planner.plan.Receipts, f.planner.plan.Receipts[0])
		}, fault.ReasonRowCountMismatch},
		"table not planned":  {func(f *fixture) { f.planner.plan.Run.Tables = f.planner.plan.Run.Tables[1:] }, fault.ReasonRowCountMismatch},
		"key of another run": {func(f *fixture) { f.planner.plan.Receipts[0].Key = "analytics-export/other" }, fault.ReasonValidation},
		"another scope":      {func(f *fixture) { f.planner.plan.Receipts[0].ScopeDigest = drop.Digest(nil) }, fault.ReasonScopeViolation},
		"run failed":         {func(f *fixture) { f.planner.plan.Run.State = planv1.RunState_RUN_STATE_FAILED }, fault.ReasonCommitFenced},
		"run quarantined":    {func(f *fixture) { f.planner.plan.Run.State = planv1.RunState_RUN_STATE_QUARANTINED }, fault.ReasonCommitFenced},
		"another as-of time": {func(f *fixture) { f.planner.plan.Run.Ref.AsOfTime = timestamppb.New(time.Unix(0, 0)) }, fault.ReasonTaskInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			c.change(f)
			if err := f.commit(t); fault.ReasonOf(err) != c.want || fault.Retryable(err) {
				t.Errorf("got %v, want %s, never retried", err, c.want)
			}
			if got := f.visible(t); got != 0 || f.planner.reports != 0 {
				t.Errorf("files visible %d, commits reported %d, want none", got, f.planner.reports)
			}
		})
	}
}

func TestGoneUploadFailsTheRunAndWithdrawLeavesNothing(t *testing.T) {
	f := newFixture(t)
	lost := f.planner.plan.Receipts[2]
	if err := f.bucket.AbortUpload(t.Context(), bucket.Upload{Key: lost.GetKey(), ID: lost.GetUploadId()}); err != nil {
		t.Fatal(err)
	}
	if err := f.commit(t); fault.ReasonOf(err) != fault.ReasonUploadGone || fault.KindOf(err) != fault.DataLoss {
		t.Errorf("got %v, want UPLOAD_GONE, looked at again", err)
	}
	f.withdrawn(t)
}

func TestReadBackDisagreementFailsTheRunAndWithdrawLeavesNothing(t *testing.T) {
	f := newFixture(t)
	// As if encoder and planner agreed on one row more than the file holds.
	f.planner.plan.Receipts[3].RowCount++
	table := f.planner.plan.Run.Tables[2]
	table.Parts[1].MeasuredRowCount++
	table.MeasuredRowCount++
	if err := f.commit(t); fault.ReasonOf(err) != fault.ReasonReadBackMismatch || fault.Retryable(err) {
		t.Errorf("got %v, want READ_BACK_MISMATCH, never retried", err)
	}
	if got := f.visible(t); got == 0 {
		t.Error("nothing was visible: the test proves nothing")
	}
	f.withdrawn(t)
}

func (f *fixture) withdrawn(t *testing.T) {
	t.Helper()
	if err := f.committer.Withdraw(t.Context(), f.run); err != nil {
		t.Fatal(err)
	}
	if got := f.visible(t); got != 0 || f.planner.reports != 0 {
		t.Errorf("files visible %d, commits reported %d, want none", got, f.planner.reports)
	}
	if left, err := f.bucket.ListUploads(t.Context(), drop.Prefix); err != nil || len(left) != 0 {
		t.Errorf("uploads left: %v, %v", left, err)
	}
}

func TestZombieLosesAgainstTheManifestThatStands(t *testing.T) {
	f := newFixture(t)
	if err := f.commit(t); err != nil {
		t.Fatal(err)
	}
	before := f.get(t, drop.ManifestKey(date, f.run.GetRunId()))
	zombie := proto.CloneOf(f.planner.plan.Run)
	zombie.TraceId = "00000000000000000000000000000001"
	f.planner.plan.Run = zombie
	if err := f.commit(t); fault.ReasonOf(err) != fault.ReasonCommitFenced || fault.Retryable(err) {
		t.Errorf("got %v, want COMMIT_FENCED, never retried", err)
	}
	if err := f.committer.Withdraw(t.Context(), f.run); err != nil {
		t.Error(err)
	}
	if string(f.get(t, drop.ManifestKey(date, f.run.GetRunId()))) != string(before) {
		t.Error("the manifest changed")
	}
	f.complete(t)
}

func TestLatestNeverMovesBack(t *testing.T) {
	d := newBucket(t)
	for _, step := range []struct{ date, want string }{
		{"2026-11-24", "2026-11-24"}, {"2026-11-23", "2026-11-24"}, {"2026-11-25", "2026-11-25"},
	} {
		f := uploadRun(t, d, step.date)
		if err := f.commit(t); err != nil {
			t.Fatal(err)
		}
		if got := f.latest(t).ExportDate; got != step.want {
			t.Errorf("after %s: latest is %s, want %s", step.date, got, step.want)
		}
	}
}

// TestLatestIsTheLastExtractionOfTheNewestDate extracts dates again, the newest and an older one, and commits late what was
// superseded.
func TestLatestIsTheLastExtractionOfTheNewestDate(t *testing.T) {
	d := newBucket(t)
	var first *fixture
	for _, step := range []struct {
		date       string
		extraction int
		want       string
	}{
		{"2026-11-24", 9, "acme-daily-20261124-9"}, {"2026-11-24", 10, "acme-daily-20261124-10"}, {"2026-11-23", 11, "acme-daily-20261124-10"},
	} {
		f := uploadRunOf(t, d, step.date, step.extraction)
		if err := f.commit(t); err != nil {
			t.Fatal(err)
		}
		if got := f.latest(t).RunID; got != step.want {
			t.Errorf("after run %s: latest is %s, want %s", f.run.GetRunId(), got, step.want)
		}
		if first == nil {
			first = f
		}
	}
	if err := first.commit(t); err != nil {
		t.Fatal(err)
	}
	if got := first.latest(t).RunID; got != "acme-daily-20261124-10" {
		t.Errorf("a superseded run moved latest to %s", got)
	}
}

// TestTheManifestSaysThatTheInstantIsAnother commits a run that the planner planned anew, and one that it did not.
func TestTheManifestSaysThatTheInstantIsAnother(t *testing.T) {
	for _, want := range []bool{true, false} {
		f := newFixture(t)
		f.planner.plan.Run.AsOfReplanned = want
		if want {
			f.run.DueTime = timestamppb.New(f.run.GetAsOfTime().AsTime().Add(-time.Hour))
		}
		if err := f.commit(t); err != nil {
			t.Fatal(err)
		}
		if got := f.complete(t).AsOfReplanned; got != want {
			t.Errorf("as_of_replanned is %v, want %v", got, want)
		}
	}
}

func TestStrayUploadsOfTheRunAreAborted(t *testing.T) {
	f := newFixture(t)
	key := f.planner.plan.Receipts[0].GetKey()
	if _, err := f.bucket.StartUpload(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	other := drop.Format{}.PartKey("DIM_DATES", "2026-11-24", "acme-daily-20261124-1", 0)
	id, err := f.bucket.StartUpload(t.Context(), other)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.commit(t); err != nil {
		t.Fatal(err)
	}
	left, err := f.bucket.ListUploads(t.Context(), drop.Prefix)
	if err != nil || len(left) != 1 || left[0].ID != id {
		t.Errorf("uploads left: got %v, %v, want only that of the other run", left, err)
	}
}

// TestPartTwiceWithOtherBytes has two attempts at a part upload different files of as many rows. Both receipts together are
// refused; whichever stands, the drop is its bytes, and the other file is gone.
func TestPartTwiceWithOtherBytes(t *testing.T) {
	for _, stands := range []int{0, 1} {
		f := newFixture(t)
		var both []*deliveryv1.Receipt
		for width := range 2 {
			stream := parttest.Rows{Table: "FACT_MESSAGES", Count: 90, Foreign: -1, Width: 10 * width}.Stream(t)
			receipt, err := f.upload(t, f.bucket, stream)
			if err != nil {
				t.Fatal(err)
			}
			both = append(both, receipt)
		}
		if both[0].GetKey() != both[1].GetKey() || both[0].GetSha256() == both[1].GetSha256() {
			t.Fatal("the attempts do not differ: the test proves nothing")
		}
		f.receive(both[stands])
		once := f.planner.plan.Receipts
		f.planner.plan.Receipts = append(slices.Clone(once), both[1-stands])
		if err := f.commit(t); fault.ReasonOf(err) != fault.ReasonRowCountMismatch || f.visible(t) != 0 {
			t.Errorf("with both receipts: got %v, want ROW_COUNT_MISMATCH and nothing visible", err)
		}
		f.planner.plan.Receipts = once
		if err := f.commit(t); err != nil {
			t.Fatal(err)
		}
		f.complete(t)
		if got := drop.Digest(f.get(t, both[0].GetKey())); got != both[stands].GetSha256() {
			t.Errorf("the file is %s, the receipt that stands says %s", got, both[stands].GetSha256())
		}
	}
}

func TestReaderErrorsAreNotTakenForDamage(t *testing.T) {
	f := newFixture(t)
	f.committer.Buckets = opened{unreadable{f.bucket}}
	if err := f.commit(t); fault.ReasonOf(err) != fault.ReasonBucketUnavailable || !fault.Retryable(err) {
		t.Errorf("got %v, want BUCKET_UNAVAILABLE, to be retried", err)
	}
	f.committer.Buckets = opened{f.bucket}
	if err := f.commit(t); err != nil {
		t.Fatal(err)
	}
	f.complete(t)
}

var errAway = errors.New("away")
