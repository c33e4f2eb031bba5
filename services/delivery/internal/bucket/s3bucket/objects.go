package s3bucket

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
)

// maxControlBytes bounds what Get keeps in memory: a manifest of 100,000 files is about 30 MiB.
const maxControlBytes = 64 << 20

// Head returns size and whole-object checksum.
func (b *Bucket) Head(ctx context.Context, key string) (bucket.Object, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out, err := b.client.HeadObject(ctx, &s3.HeadObjectInput{
		Bucket: &b.name, Key: &key, ExpectedBucketOwner: &b.owner, ChecksumMode: types.ChecksumModeEnabled,
	})
	if err != nil {
		return bucket.Object{}, b.orNotFound(err, "looking at", key)
	}
	return bucket.Object{Bytes: aws.ToInt64(out.ContentLength), CRC64NVME: aws.ToString(out.ChecksumCRC64NVME)}, nil
}

// ReadRange fills room with the bytes from offset.
func (b *Bucket) ReadRange(ctx context.Context, key string, offset int64, room []byte) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	length := int64(len(room))
	out, err := b.client.GetObject(ctx, &s3.GetObjectInput{
		Bucket: &b.name, Key: &key, ExpectedBucketOwner: &b.owner, Range: aws.String(fmt.Sprintf("bytes=%d-%d", offset, offset+length-1)),
	})
	if err != nil {
		return b.orNotFound(err, "reading", key)
	}
	defer func() { _ = out.Body.Close() }()
	if came := aws.ToInt64(out.ContentLength); came != length {
		return fault.New(fault.Unavailable, fault.ReasonBucketUnavailable, "reading s3://%s/%s: %d bytes came instead of %d", b.name, key, came, length)
	}
	if _, err := io.ReadFull(out.Body, room); err != nil {
		return b.explain(err, "reading", key)
	}
	return nil
}

// Get returns a whole small object. The SDK holds it against the checksum that came with it when it was put.
func (b *Bucket) Get(ctx context.Context, key string) ([]byte, string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out, err := b.client.GetObject(ctx, &s3.GetObjectInput{
		Bucket: &b.name, Key: &key, ExpectedBucketOwner: &b.owner, ChecksumMode: types.ChecksumModeEnabled,
	})
	if err != nil {
		return nil, "", b.orNotFound(err, "reading", key)
	}
	defer func() { _ = out.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(out.Body, maxControlBytes+1))
	if err != nil {
		return nil, "", b.explain(err, "reading", key)
	}
	if len(data) > maxControlBytes {
		return nil, "", fault.New(fault.State, fault.ReasonBucketUnavailable, "reading s3://%s/%s: it is larger than %d bytes", b.name, key, maxControlBytes)
	}
	return data, aws.ToString(out.ETag), nil
}

// Delete removes an object.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := b.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: &key, ExpectedBucketOwner: &b.owner})
	if err = ignoreMissing(err); err != nil {
		return b.explain(err, "deleting", key)
	}
	return nil
}

func ignoreMissing(err error) error {
	if code, _ := answer(err); code == "NoSuchKey" {
		return nil
	}
	return err
}

// PutNew writes an object that must not exist.
func (b *Bucket) PutNew(ctx context.Context, key string, data []byte) error {
	err := b.put(ctx, &s3.PutObjectInput{Key: &key, IfNoneMatch: aws.String("*")}, data)
	if err == nil {
		return nil
	}
	if _, status := answer(err); status == http.StatusPreconditionFailed {
		return bucket.ErrExists
	}
	return b.explain(err, "writing", key)
}

// Replace overwrites the object that has this ETag.
func (b *Bucket) Replace(ctx context.Context, key string, data []byte, etag string) error {
	err := b.put(ctx, &s3.PutObjectInput{Key: &key, IfMatch: &etag}, data)
	if err == nil {
		return nil
	}
	if code, status := answer(err); status == http.StatusPreconditionFailed || code == "NoSuchKey" {
		return bucket.ErrStale
	}
	return b.explain(err, "replacing", key)
}

func (b *Bucket) put(ctx context.Context, in *s3.PutObjectInput, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	in.Bucket, in.ExpectedBucketOwner, in.ContentType = &b.name, &b.owner, aws.String(controlType(*in.Key))
	in.Body, in.ContentLength = bytes.NewReader(data), aws.Int64(int64(len(data)))
	in.ChecksumCRC64NVME = aws.String(bucket.Checksum(data))
	in.ServerSideEncryption, in.SSEKMSKeyId, in.BucketKeyEnabled, in.ACL = b.made.encryption, b.made.key, b.made.bucketKey, b.made.acl
	_, err := b.client.PutObject(ctx, in)
	return err
}

func (b *Bucket) orNotFound(err error, doing, key string) error {
	if code, status := answer(err); status == http.StatusNotFound && code != "NoSuchBucket" {
		return bucket.ErrNotFound
	}
	return b.explain(err, doing, key)
}
