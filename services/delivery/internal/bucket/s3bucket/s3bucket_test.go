package s3bucket_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"

	"github.com/customer-exports/exports/deploy/local/objectstore"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
	"github.com/customer-exports/exports/services/delivery/internal/bucket/buckettest"
	"github.com/customer-exports/exports/services/delivery/internal/bucket/s3bucket"
)

const (
	owner  = "111122223333"
	writer = "writerkey"
	secret = "writersecret"
)

func startStore(t *testing.T) *objectstore.Server {
	t.Helper()
	// Not t.TempDir: the server's working directory is its root until it is closed.
	root, err := os.MkdirTemp("", "s3bucket-")
	if err != nil {
		t.Fatal(err)
	}
	s, err := objectstore.Start(t.Context(), objectstore.Config{
		Root: root, Listen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler),
		Admin: objectstore.Account{AccessKey: "adminkey", SecretKey: "adminsecret", Owner: owner},
		Users: []objectstore.User{{AccessKey: writer, SecretKey: secret}},
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

func TestRealServer(t *testing.T) {
	s := startStore(t)
	for _, name := range []string{"acme-exports", "closed-exports"} {
		grants := []objectstore.Grant{{AccessKey: writer, Write: true}}
		if name == "closed-exports" {
			grants = nil
		}
		if err := s.CreateBucket(t.Context(), name, grants); err != nil {
			t.Fatal(err)
		}
	}
	keys := s3bucket.Keys{AccessKey: writer, SecretKey: secret}
	open := func(keys s3bucket.Keys, name, owner string) bucket.Bucket {
		opener, err := s3bucket.NewOpener(t.Context(), keys)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(opener.Close)
		return opener.Open(bucket.Destination{Bucket: name, Region: objectstore.Region, Endpoint: s.Endpoint(), Owner: owner})
	}
	t.Run("acceptance", func(t *testing.T) {
		buckettest.Run(t, open(keys, "acme-exports", owner), open(keys, "acme-exports", "999999999999"))
	})
	t.Run("faults", func(t *testing.T) {
		for name, c := range map[string]struct {
			bucket bucket.Bucket
			kind   fault.Kind
			reason fault.Reason
		}{
			"no grant":       {open(keys, "closed-exports", owner), fault.Denied, fault.ReasonBucketOwnerMismatch},
			"no such bucket": {open(keys, "nobodys-exports", owner), fault.NotFound, fault.ReasonBucketUnavailable},
			"wrong secret":   {open(s3bucket.Keys{AccessKey: writer, SecretKey: "x"}, "acme-exports", owner), fault.Denied, fault.ReasonBucketDenied},
		} {
			_, err := c.bucket.StartUpload(t.Context(), "analytics-export/x")
			if fault.KindOf(err) != c.kind || fault.ReasonOf(err) != c.reason {
				t.Errorf("%s: got %v, want %s %s", name, err, c.kind, c.reason)
			}
		}
	})
}

func TestUnreachableEndpointMayBeRetried(t *testing.T) {
	opener, err := s3bucket.NewOpener(t.Context(), s3bucket.Keys{AccessKey: writer, SecretKey: secret})
	if err != nil {
		t.Fatal(err)
	}
	defer opener.Close()
	b := opener.Open(bucket.Destination{Bucket: "acme-exports", Region: "us-east-1", Endpoint: "http://127.0.0.1:1", Owner: owner})
	_, err = b.Head(t.Context(), "analytics-export/x")
	if fault.ReasonOf(err) != fault.ReasonBucketUnavailable || !fault.Retryable(err) {
		t.Errorf("Head: got %v, want BUCKET_UNAVAILABLE, retryable", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Head(ctx, "analytics-export/x"); !fault.Retryable(err) {
		t.Errorf("Head with an ended context: got %v, want retryable", fmt.Sprint(err))
	}
}
