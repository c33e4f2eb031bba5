package objectstore_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/minio/crc64nvme"

	"github.com/customer-exports/exports/deploy/local/objectstore"
)

const (
	owner  = "111122223333"
	secret = "not-a-secret"
	bucket = "acme-data"
)

func config(t *testing.T) objectstore.Config {
	t.Helper()
	return objectstore.Config{
		Root: filepath.Join(t.TempDir(), "s3"), Listen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler),
		Admin: objectstore.Account{AccessKey: owner, SecretKey: secret, Owner: owner},
		Users: []objectstore.User{{AccessKey: "writer", SecretKey: secret}, {AccessKey: "reader", SecretKey: secret}},
	}
}

// start returns a server with one bucket, which the test ends.
func start(t *testing.T, cfg objectstore.Config) *objectstore.Server {
	t.Helper()
	srv, err := objectstore.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	grants := []objectstore.Grant{{AccessKey: "writer", Write: true}, {AccessKey: "reader"}}
	if err := srv.CreateBucket(t.Context(), bucket, grants); err != nil {
		t.Fatal(err)
	}
	return srv
}

func client(t *testing.T, srv *objectstore.Server, access string) *s3.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return s3.New(s3.Options{
		HTTPClient: &http.Client{Transport: transport}, BaseEndpoint: aws.String(srv.Endpoint()), Region: objectstore.Region,
		UsePathStyle: true, Credentials: credentials.NewStaticCredentialsProvider(access, secret, ""), RetryMaxAttempts: 1,
	})
}

func put(ctx context.Context, c *s3.Client, key, body string) error {
	_, err := c.PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String(bucket), Key: &key, Body: strings.NewReader(body), ExpectedBucketOwner: aws.String(owner),
	})
	return err
}

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return fmt.Sprint(err)
}

func TestPutGetList(t *testing.T) {
	cfg := config(t)
	srv := start(t, cfg)
	writer, reader := client(t, srv, "writer"), client(t, srv, "reader")
	const key = objectstore.Prefix + "DIM_DATES/export_date=2026-11-23/part 0.parquet"
	if err := put(t.Context(), writer, key, "rows"); err != nil {
		t.Fatal(err)
	}

	got, err := reader.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(got.Body)
	if err != nil || got.Body.Close() != nil || string(body) != "rows" {
		t.Errorf("read %q, %v; want rows", body, err)
	}
	list, err := reader.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(bucket), Prefix: aws.String(objectstore.Prefix)})
	if err != nil || len(list.Contents) != 1 || aws.ToString(list.Contents[0].Key) != key {
		t.Errorf("listed %+v, %v; want %s", list, err, key)
	}
	if plain, err := os.ReadFile(filepath.Join(cfg.Root, bucket, filepath.FromSlash(key))); err != nil || string(plain) != "rows" {
		t.Errorf("file holds %q, %v; want rows", plain, err)
	}
}

// TestMultipart uploads as the delivery service does: the checksum of the whole
// is announced at create and given at complete.
func TestMultipart(t *testing.T) {
	srv := start(t, config(t))
	writer := client(t, srv, "writer")
	key := aws.String(objectstore.Prefix + "whole")
	pieces := [][]byte{bytes.Repeat([]byte("a"), 5<<20), []byte("tail")}
	want := checksum(pieces...)
	for _, tc := range []struct{ name, sum, code string }{
		{"wrong checksum", checksum([]byte("else")), "BadDigest"},
		{"right checksum", want, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			id, parts := upload(t, writer, key, pieces)
			_, err := writer.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{
				Bucket: aws.String(bucket), Key: key, UploadId: id, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
				ChecksumType: types.ChecksumTypeFullObject, ChecksumCRC64NVME: &tc.sum, ExpectedBucketOwner: aws.String(owner),
			})
			if err != nil && code(err) != tc.code || err == nil && tc.code != "" {
				t.Fatalf("complete answers %v, want code %q", err, tc.code)
			}
		})
	}
	head, err := writer.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: key, ChecksumMode: types.ChecksumModeEnabled})
	if err != nil {
		t.Fatal(err)
	}
	if got := aws.ToString(head.ChecksumCRC64NVME); got != want || head.ChecksumType != types.ChecksumTypeFullObject {
		t.Errorf("checksum is %s %s, want %s of the full object", got, head.ChecksumType, want)
	}
}

func upload(t *testing.T, c *s3.Client, key *string, pieces [][]byte) (*string, []types.CompletedPart) {
	t.Helper()
	created, err := c.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{
		Bucket: aws.String(bucket), Key: key, ExpectedBucketOwner: aws.String(owner),
		ChecksumAlgorithm: types.ChecksumAlgorithmCrc64nvme, ChecksumType: types.ChecksumTypeFullObject,
	})
	if err != nil {
		t.Fatal(err)
	}
	var parts []types.CompletedPart
	for i, piece := range pieces {
		sum := checksum(piece)
		part, err := c.UploadPart(t.Context(), &s3.UploadPartInput{
			Bucket: aws.String(bucket), Key: key, UploadId: created.UploadId, PartNumber: aws.Int32(int32(i + 1)),
			Body: bytes.NewReader(piece), ChecksumCRC64NVME: &sum, ExpectedBucketOwner: aws.String(owner),
		})
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, types.CompletedPart{ETag: part.ETag, PartNumber: aws.Int32(int32(i + 1)), ChecksumCRC64NVME: &sum})
	}
	return created.UploadId, parts
}

func checksum(pieces ...[]byte) string {
	h := crc64nvme.New()
	for _, piece := range pieces {
		_, _ = h.Write(piece)
	}
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, h.Sum64()))
}

func TestIfNoneMatchHasOneWinner(t *testing.T) {
	srv := start(t, config(t))
	writer := client(t, srv, "writer")
	var wg sync.WaitGroup
	answers := make([]error, 16)
	for i := range answers {
		wg.Go(func() {
			_, answers[i] = writer.PutObject(t.Context(), &s3.PutObjectInput{
				Bucket: aws.String(bucket), Key: aws.String(objectstore.Prefix + "manifest.json"),
				Body: strings.NewReader(fmt.Sprint(i)), IfNoneMatch: aws.String("*"),
			})
		})
	}
	wg.Wait()
	winners := 0
	for _, err := range answers {
		switch {
		case err == nil:
			winners++
		case code(err) != "PreconditionFailed" && code(err) != "ConditionalRequestConflict":
			t.Errorf("a loser got %v", err)
		}
	}
	if winners != 1 {
		t.Errorf("%d winners, want 1", winners)
	}
}

func TestListAndAbortUploads(t *testing.T) {
	srv := start(t, config(t))
	writer := client(t, srv, "writer")
	key := aws.String(objectstore.Prefix + "stray")
	id, _ := upload(t, writer, key, [][]byte{[]byte("piece")})
	pending := func() int {
		list, err := writer.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{
			Bucket: aws.String(bucket), Prefix: aws.String(objectstore.Prefix), ExpectedBucketOwner: aws.String(owner),
		})
		if err != nil {
			t.Fatal(err)
		}
		return len(list.Uploads)
	}
	if got := pending(); got != 1 {
		t.Fatalf("%d pending uploads, want 1", got)
	}
	_, err := writer.AbortMultipartUpload(t.Context(), &s3.AbortMultipartUploadInput{Bucket: aws.String(bucket), Key: key, UploadId: id})
	if err != nil || pending() != 0 {
		t.Errorf("abort answers %v and leaves %d uploads, want none", err, pending())
	}
}
