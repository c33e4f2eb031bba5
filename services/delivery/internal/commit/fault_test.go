package commit_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
	"github.com/customer-exports/exports/services/delivery/internal/bucket/faultproxy"
	"github.com/customer-exports/exports/services/delivery/internal/bucket/s3bucket"
	"github.com/customer-exports/exports/services/delivery/internal/crashtest"
	"github.com/customer-exports/exports/services/delivery/internal/parttest"
)

// badDay is what some calls meet, and how the attempt ends that makes them.
type badDay struct {
	call   faultproxy.Call
	suffix string
	times  int
	fault  faultproxy.Fault
	kind   fault.Kind // empty: it succeeds
	reason fault.Reason
}

const (
	manifestEnd = "/manifest.json"
	successEnd  = "/_SUCCESS"
	latestEnd   = "/latest.json"
	skew        = 20 * time.Minute
)

var (
	lost          = faultproxy.Lost
	slowDown      = faultproxy.Refused(http.StatusServiceUnavailable, "SlowDown")
	internalError = faultproxy.Refused(http.StatusInternalServerError, "InternalError")
	errorIn200    = faultproxy.Refused(http.StatusOK, "InternalError")
	conflict      = faultproxy.Refused(http.StatusConflict, "ConditionalRequestConflict")
	precondition  = faultproxy.Refused(http.StatusPreconditionFailed, "PreconditionFailed")
	expired       = faultproxy.Refused(http.StatusBadRequest, "ExpiredToken")
	revoked       = faultproxy.Refused(http.StatusForbidden, "InvalidAccessKeyId")
	denied        = faultproxy.Refused(http.StatusForbidden, "AccessDenied")
)

// badDays are those that a part and a commit have in common.
func badDays() map[string]badDay {
	const away, always = fault.ReasonBucketUnavailable, faultproxy.Always
	return map[string]badDay{
		"all: 500":               {"", "", always, internalError, fault.Unavailable, away},
		"all: 503 SlowDown":      {"", "", always, slowDown, fault.Unavailable, away},
		"all: clock off":         {"", "", 1, faultproxy.Skewed(skew), "", ""},
		"all: clock stays off":   {"", "", always, faultproxy.Skewed(skew), fault.Unavailable, away},
		"all: expired":           {"", "", always, expired, fault.Unavailable, fault.ReasonBucketDenied},
		"all: key revoked":       {"", "", always, revoked, fault.Denied, fault.ReasonBucketDenied},
		"all: another's bucket":  {"", "", always, denied, fault.Denied, fault.ReasonBucketOwnerMismatch},
		"all: no answer":         {"", "", always, lost, fault.Unavailable, away},
		"put: answer lost":       {faultproxy.PutObject, "", 1, lost, "", ""},
		"put: 500":               {faultproxy.PutObject, "", 1, internalError, "", ""},
		"put: 503 SlowDown":      {faultproxy.PutObject, "", 1, slowDown, "", ""},
		"put: 500 but done":      {faultproxy.PutObject, "", 1, faultproxy.DoneButRefused(http.StatusInternalServerError, "InternalError"), "", ""},
		"put: 409, a race is on": {faultproxy.PutObject, "", 1, conflict, fault.Unavailable, away},
	}
}

// place is a bucket behind a proxy, and one who reads it in front of none.
type place struct {
	proxy  *faultproxy.Proxy
	d      bucket.Destination
	reader *crashtest.Reader
}

func newPlace(t *testing.T) place {
	t.Helper()
	d := newBucket(t)
	reader := crashtest.NewReader(t, open(t, d))
	proxy := faultproxy.Start(t, server.Endpoint())
	d.Endpoint = proxy.URL
	return place{proxy, d, reader}
}

func open(t *testing.T, d bucket.Destination) bucket.Bucket {
	t.Helper()
	opener, err := s3bucket.NewOpener(t.Context(), s3bucket.Keys{AccessKey: accessKey, SecretKey: secretKey}, s3bucket.STS{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(opener.Close)
	return opener.Open(d)
}

// check fails the test unless the attempt met the fault and ended as it had to.
func (day badDay) check(t *testing.T, p place, err error) {
	t.Helper()
	if p.proxy.Met() == 0 {
		t.Error("nothing met the fault: the test proves nothing")
	}
	if day.kind == "" && err != nil || day.kind != "" && (fault.KindOf(err) != day.kind || fault.ReasonOf(err) != day.reason) {
		t.Errorf("got %v (%s %s), want %q %q", err, fault.KindOf(err), fault.ReasonOf(err), day.kind, day.reason)
	}
	if _, named := fault.Of(err); err != nil && !named {
		t.Errorf("%v has no name", err)
	}
	p.proxy.Clear()
}

// TestPartOnABadDay uploads the last part of a run while calls fail, once more after that if need be, and commits.
func TestPartOnABadDay(t *testing.T) {
	const away, always = fault.ReasonBucketUnavailable, faultproxy.Always
	days := badDays()
	for name, day := range map[string]badDay{
		"start: answer lost":            {faultproxy.CreateMultipartUpload, "", 1, lost, "", ""},
		"start: no answer":              {faultproxy.CreateMultipartUpload, "", always, lost, fault.Unavailable, away},
		"piece: answer lost":            {faultproxy.UploadPart, "", 1, lost, "", ""},
		"piece: no answer":              {faultproxy.UploadPart, "", always, lost, fault.Unavailable, away},
		"piece: 500":                    {faultproxy.UploadPart, "", 1, internalError, "", ""},
		"piece: 503 SlowDown":           {faultproxy.UploadPart, "", 1, slowDown, "", ""},
		"piece: 503 SlowDown for good":  {faultproxy.UploadPart, "", always, slowDown, fault.Unavailable, away},
		"piece: 409":                    {faultproxy.UploadPart, "", 1, faultproxy.Refused(http.StatusConflict, "OperationAborted"), fault.Unavailable, away},
		"piece: clock off":              {faultproxy.UploadPart, "", 1, faultproxy.Skewed(skew), "", ""},
		"piece: key revoked":            {faultproxy.UploadPart, "", always, revoked, fault.Denied, fault.ReasonBucketDenied},
		"piece: bucket deleted":         {faultproxy.UploadPart, "", always, faultproxy.Refused(http.StatusNotFound, "NoSuchBucket"), fault.NotFound, away},
		"piece: somebody aborted it":    {faultproxy.UploadPart, "", 1, faultproxy.Refused(http.StatusNotFound, "NoSuchUpload"), fault.DataLoss, fault.ReasonUploadGone},
		"mark: 412, it is there before": {faultproxy.PutObject, "/_started", 1, precondition, "", ""},
	} {
		days[name] = day
	}
	stream := parttest.Rows{Table: "FACT_MESSAGES", Count: 50, Foreign: -1}.Stream(t)
	for name, day := range days {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			f := uploadRun(t, p.d, date)
			if day.call == faultproxy.PutObject && day.suffix == "" {
				day.suffix = "/_started"
			}
			p.proxy.Inject(day.call, day.suffix, day.times, day.fault)
			receipt, err := f.upload(t, f.bucket, stream)
			day.check(t, p, err)
			if left := f.uploads(t); err != nil && day.call == faultproxy.UploadPart && left != len(parts) {
				t.Errorf("%d uploads are left of a part that failed", left-len(parts))
			}
			if err != nil {
				if receipt, err = f.upload(t, f.bucket, stream); err != nil {
					t.Fatalf("the next attempt: %v", err)
				}
			}
			f.receive(receipt)
			if err := f.commit(t); err != nil {
				t.Fatal(err)
			}
			f.complete(t)
			sees(t, p.reader, f.run.GetRunId())
		})
	}
}

// TestCommitOnABadDay commits while calls fail, and once more after that if need be.
func TestCommitOnABadDay(t *testing.T) {
	const away, always, lookAgain = fault.ReasonBucketUnavailable, faultproxy.Always, fault.Unavailable
	doneBut200 := faultproxy.DoneButRefused(http.StatusOK, "InternalError")
	days := badDays()
	for name, day := range map[string]badDay{
		"complete: answer lost":                {faultproxy.CompleteMultipartUpload, "", 1, lost, "", ""},
		"complete: every answer lost":          {faultproxy.CompleteMultipartUpload, "", always, lost, "", ""},
		"complete: error in 200":               {faultproxy.CompleteMultipartUpload, "", 1, errorIn200, "", ""},
		"complete: error in every 200":         {faultproxy.CompleteMultipartUpload, "", always, errorIn200, lookAgain, away},
		"complete: error in 200 but done":      {faultproxy.CompleteMultipartUpload, "", 1, doneBut200, "", ""},
		"complete: 200 without a word":         {faultproxy.CompleteMultipartUpload, "", 1, faultproxy.Empty, fault.DataLoss, fault.ReasonReadBackMismatch},
		"complete: 409":                        {faultproxy.CompleteMultipartUpload, "", 1, conflict, lookAgain, away},
		"complete: 500":                        {faultproxy.CompleteMultipartUpload, "", 1, internalError, "", ""},
		"complete: 503 SlowDown":               {faultproxy.CompleteMultipartUpload, "", 1, slowDown, "", ""},
		"complete: key revoked":                {faultproxy.CompleteMultipartUpload, "", always, revoked, fault.Denied, fault.ReasonBucketDenied},
		"complete: bucket deleted":             {faultproxy.CompleteMultipartUpload, "", always, faultproxy.Refused(http.StatusNotFound, "NoSuchBucket"), fault.NotFound, away},
		"head: 503 SlowDown":                   {faultproxy.HeadObject, "", always, slowDown, lookAgain, away},
		"read-back: cut":                       {faultproxy.GetObject, ".parquet", 1, faultproxy.Cut, lookAgain, away},
		"read-back: shortened":                 {faultproxy.GetObject, ".parquet", 1, faultproxy.Shortened, lookAgain, away},
		"manifest: answer lost":                {faultproxy.PutObject, manifestEnd, 1, lost, "", ""},
		"manifest: every answer lost":          {faultproxy.PutObject, manifestEnd, always, lost, lookAgain, away},
		"manifest: 409":                        {faultproxy.PutObject, manifestEnd, 1, conflict, lookAgain, away},
		"manifest: 412 and none there":         {faultproxy.PutObject, manifestEnd, 1, precondition, lookAgain, away},
		"manifest: 503 SlowDown":               {faultproxy.PutObject, manifestEnd, always, slowDown, lookAgain, away},
		"manifest: denied":                     {faultproxy.PutObject, manifestEnd, 1, denied, fault.Denied, fault.ReasonBucketOwnerMismatch},
		"_SUCCESS: answer lost":                {faultproxy.PutObject, successEnd, 1, lost, "", ""},
		"_SUCCESS: 412 and none there":         {faultproxy.PutObject, successEnd, 1, precondition, lookAgain, away},
		"_SUCCESS: denied":                     {faultproxy.PutObject, successEnd, 1, denied, fault.Denied, fault.ReasonBucketOwnerMismatch},
		"latest: answer lost":                  {faultproxy.PutObject, latestEnd, 1, lost, "", ""},
		"latest: 412 once":                     {faultproxy.PutObject, latestEnd, 1, precondition, "", ""},
		"latest: 412 for good":                 {faultproxy.PutObject, latestEnd, always, precondition, lookAgain, away},
		"latest: 409":                          {faultproxy.PutObject, latestEnd, 1, conflict, lookAgain, away},
		"strays: cannot be listed, a log line": {faultproxy.ListMultipartUploads, "", always, slowDown, "", ""},
	} {
		days[name] = day
	}
	for name, day := range days {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			f := uploadRun(t, p.d, date)
			p.proxy.Inject(day.call, day.suffix, day.times, day.fault)
			err := f.commit(t)
			day.check(t, p, err)
			if (err == nil) != (f.planner.reports == 1) {
				t.Errorf("%d commits are reported after %v", f.planner.reports, err)
			}
			if fault.ReasonOf(err) == fault.ReasonBucketOwnerMismatch && len(p.reader.Look()) == 0 || fault.KindOf(err) == fault.NotFound {
				f.withdrawn(t) // nobody tries again
				return
			}
			if err != nil {
				if err := f.commit(t); err != nil {
					t.Fatalf("the task delivered again: %v", err)
				}
			}
			f.complete(t)
			sees(t, p.reader, f.run.GetRunId())
		})
	}
}

// TestDamagedAnswersAreNotTakenForDamage has the answers to a commit's own reading of what stands be incomplete.
func TestDamagedAnswersAreNotTakenForDamage(t *testing.T) {
	for name, end := range map[string]string{"manifest": manifestEnd, "_SUCCESS": successEnd, "latest": latestEnd} {
		for how, damaged := range map[string]faultproxy.Fault{"cut": faultproxy.Cut, "shortened": faultproxy.Shortened} {
			t.Run(name+" "+how, func(t *testing.T) {
				t.Parallel()
				p := newPlace(t)
				f := uploadRun(t, p.d, date)
				if err := f.commit(t); err != nil {
					t.Fatal(err)
				}
				day := badDay{faultproxy.GetObject, end, 1, damaged, fault.Unavailable, fault.ReasonBucketUnavailable}
				p.proxy.Inject(day.call, day.suffix, day.times, day.fault)
				day.check(t, p, f.commit(t))
				if err := f.commit(t); err != nil {
					t.Fatal(err)
				}
				f.complete(t)
				sees(t, p.reader, f.run.GetRunId())
			})
		}
	}
}

// TestBucketIsTakenAway has the customer do between upload and commit what customers do.
func TestBucketIsTakenAway(t *testing.T) {
	for name, c := range map[string]struct {
		take   func(*testing.T, *fixture, bucket.Destination)
		kind   fault.Kind
		reason fault.Reason
	}{
		"deleted": {func(t *testing.T, _ *fixture, d bucket.Destination) {
			if err := os.RemoveAll(filepath.Join(root, d.Bucket)); err != nil {
				t.Fatal(err)
			}
		}, fault.NotFound, fault.ReasonBucketUnavailable},
		"grant revoked": {func(t *testing.T, _ *fixture, d bucket.Destination) {
			if err := server.CreateBucket(t.Context(), d.Bucket, nil); err != nil {
				t.Fatal(err)
			}
		}, fault.Denied, fault.ReasonBucketOwnerMismatch},
		"another's": {func(t *testing.T, f *fixture, d bucket.Destination) {
			d.Owner = "999999999999"
			f.committer.Buckets = opened{open(t, d)}
		}, fault.Denied, fault.ReasonBucketOwnerMismatch},
	} {
		t.Run(name, func(t *testing.T) {
			d := newBucket(t)
			f := uploadRun(t, d, date)
			c.take(t, f, d)
			if err := f.commit(t); fault.KindOf(err) != c.kind || fault.ReasonOf(err) != c.reason {
				t.Errorf("got %v, want %s %s", err, c.kind, c.reason)
			}
			if f.planner.reports != 0 {
				t.Error("a commit is reported")
			}
		})
	}
}
