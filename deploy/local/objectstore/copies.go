package objectstore

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/minio/crc64nvme"
	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/s3response"
)

// folder is the gateway's folder of buckets, which copies parts as S3 does.
type folder struct{ *posix.Posix }

// UploadPartCopy sums the copied bytes. The gateway itself takes the checksum of the whole source for that of the copied
// range, and then refuses to complete the upload.
func (f folder) UploadPartCopy(ctx context.Context, in *s3.UploadPartCopyInput) (s3response.CopyPartResult, error) {
	result, err := f.Posix.UploadPartCopy(ctx, in)
	if err != nil || result.ChecksumCRC64NVME == nil {
		return result, err
	}
	source, err := f.open(ctx, in)
	if err != nil {
		return s3response.CopyPartResult{}, err
	}
	defer func() { _ = source.Body.Close() }()
	sum := crc64nvme.New()
	part, err := f.UploadPart(ctx, &s3.UploadPartInput{
		Bucket: in.Bucket, Key: in.Key, UploadId: in.UploadId, PartNumber: in.PartNumber,
		Body: io.TeeReader(source.Body, sum), ContentLength: source.ContentLength,
	})
	if err != nil {
		return s3response.CopyPartResult{}, fmt.Errorf("summing the copied part: %w", err)
	}
	result.ETag, result.ChecksumCRC64NVME = part.ETag, aws.String(base64.StdEncoding.EncodeToString(sum.Sum(nil)))
	return result, nil
}

func (f folder) open(ctx context.Context, in *s3.UploadPartCopyInput) (*s3.GetObjectOutput, error) {
	name, key, version, err := backend.ParseCopySource(aws.ToString(in.CopySource))
	if err != nil {
		return nil, err
	}
	return f.GetObject(ctx, &s3.GetObjectInput{Bucket: &name, Key: &key, VersionId: &version, Range: in.CopySourceRange})
}
