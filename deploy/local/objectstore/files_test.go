package objectstore

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/versity/versitygw/backend/posix"
)

func TestAttributesNeedAFolder(t *testing.T) {
	if err := tryAttributes(filepath.Join(t.TempDir(), "missing")); err == nil {
		t.Error("a missing root keeps attributes")
	}
}

// TestSideCar serves what a file system without extended attributes is given.
func TestSideCar(t *testing.T) {
	srv, root := startSideCar(t)
	if err := srv.CreateBucket(t.Context(), "acme-data", []Grant{{AccessKey: "writer", Write: true}}); err != nil {
		t.Fatal(err)
	}
	bucket, key := aws.String("acme-data"), aws.String(Prefix+"file")
	if _, err := srv.admin.PutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: key, Body: strings.NewReader("rows")}); err != nil {
		t.Fatal(err)
	}
	got, err := srv.admin.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	if body, err := io.ReadAll(got.Body); err != nil || string(body) != "rows" {
		t.Errorf("read %q, %v; want rows", body, err)
	}
	if _, err := os.Stat(filepath.Join(sideCar(root), *bucket)); err != nil {
		t.Errorf("the bucket's attributes are not beside root: %v", err)
	}
}

func startSideCar(t *testing.T) (*Server, string) {
	t.Helper()
	root := filepath.Join(t.TempDir(), "s3")
	cfg := Config{
		Root: root, Listen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler), Users: []User{{AccessKey: "writer", SecretKey: "x"}},
		Admin: Account{AccessKey: "admin", SecretKey: "y", Owner: "111122223333"},
	}
	address, err := cfg.resolve()
	if err != nil {
		t.Fatal(err)
	}
	workdir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(root, 0o750); err != nil {
		t.Fatal(err)
	}
	files, err := openSideCar(root, posix.PosixOpts{CopyObjectThreshold: copyLimit, Concurrency: fileOperations, SideCarDir: sideCar(root)})
	if err != nil {
		t.Fatal(err)
	}
	srv := &Server{address: address, workdir: workdir, ended: make(chan struct{})}
	if err := srv.serve(t.Context(), cfg, files); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.stop(); err != nil {
			t.Error(err)
		}
	})
	return srv, root
}
