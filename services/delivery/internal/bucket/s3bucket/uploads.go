package s3bucket

import (
	"bytes"
	"context"
	"path"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/customer-exports/exports/services/delivery/internal/bucket"
)

// fileType is the media type of a file, by the ending of its key. A compressed file is of its compression's type: were it
// text with an encoding, clients that undo the encoding would find another size and checksum than the manifest's.
func fileType(key string) string {
	switch path.Ext(key) {
	case ".gz":
		return "application/gzip"
	case ".zst":
		return "application/zstd"
	case ".csv":
		return "text/csv; charset=utf-8"
	case ".jsonl":
		return "application/jsonl"
	default:
		return "application/vnd.apache.parquet"
	}
}

// controlType is the media type of a control object; all but the data contract are JSON.
func controlType(key string) string {
	if path.Ext(key) == ".yaml" {
		return "application/yaml"
	}
	return "application/json"
}

// StartUpload opens an upload whose pieces carry checksums that S3 joins to one of the whole object.
func (b *Bucket) StartUpload(ctx context.Context, key string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out, err := b.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: &b.name, Key: &key, ExpectedBucketOwner: &b.owner, ContentType: aws.String(fileType(key)),
		ChecksumAlgorithm: types.ChecksumAlgorithmCrc64nvme, ChecksumType: types.ChecksumTypeFullObject,
		ServerSideEncryption: b.made.encryption, SSEKMSKeyId: b.made.key, BucketKeyEnabled: b.made.bucketKey, ACL: b.made.acl,
	})
	if err != nil {
		return "", b.explain(err, "starting upload of", key)
	}
	return aws.ToString(out.UploadId), nil
}

// UploadPiece stores one piece.
func (b *Bucket) UploadPiece(ctx context.Context, u bucket.Upload, p bucket.Piece) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, pieceTimeout)
	defer cancel()
	out, err := b.client.UploadPart(ctx, &s3.UploadPartInput{
		Bucket: &b.name, Key: &u.Key, UploadId: &u.ID, ExpectedBucketOwner: &b.owner, PartNumber: &p.Number,
		Body: bytes.NewReader(p.Data), ContentLength: aws.Int64(int64(len(p.Data))), ChecksumCRC64NVME: &p.CRC64NVME,
	}, unsigned)
	if err != nil {
		return "", b.orNoUpload(err, "uploading a piece of", u.Key)
	}
	return aws.ToString(out.ETag), nil
}

// AbortUpload discards an upload.
func (b *Bucket) AbortUpload(ctx context.Context, u bucket.Upload) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := b.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
		Bucket: &b.name, Key: &u.Key, UploadId: &u.ID, ExpectedBucketOwner: &b.owner,
	})
	return b.orNoUpload(err, "aborting upload of", u.Key)
}

// CompleteUpload makes the object visible.
func (b *Bucket) CompleteUpload(ctx context.Context, u bucket.Upload, pieces []bucket.Uploaded, want bucket.Object) error {
	ctx, cancel := context.WithTimeout(ctx, completeTimeout)
	defer cancel()
	parts := make([]types.CompletedPart, len(pieces))
	for i, p := range pieces {
		parts[i] = types.CompletedPart{PartNumber: aws.Int32(p.Number), ETag: aws.String(p.ETag)}
		if p.CRC64NVME != "" { // a copied piece may have none
			parts[i].ChecksumCRC64NVME = aws.String(p.CRC64NVME)
		}
	}
	_, err := b.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &b.name, Key: &u.Key, UploadId: &u.ID, ExpectedBucketOwner: &b.owner,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}, MpuObjectSize: &want.Bytes,
		ChecksumCRC64NVME: &want.CRC64NVME, ChecksumType: types.ChecksumTypeFullObject,
	})
	return b.orNoUpload(err, "completing upload of", u.Key)
}

// ListUploads returns the open uploads below a prefix.
func (b *Bucket) ListUploads(ctx context.Context, prefix string) ([]bucket.Open, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var uploads []bucket.Open
	pages := s3.NewListMultipartUploadsPaginator(b.client, &s3.ListMultipartUploadsInput{
		Bucket: &b.name, Prefix: &prefix, ExpectedBucketOwner: &b.owner,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, b.explain(err, "listing uploads below", prefix)
		}
		for _, u := range page.Uploads {
			uploads = append(uploads, bucket.Open{
				Upload: bucket.Upload{Key: aws.ToString(u.Key), ID: aws.ToString(u.UploadId)}, StartTime: aws.ToTime(u.Initiated),
			})
		}
	}
	return uploads, nil
}

func (b *Bucket) orNoUpload(err error, doing, key string) error {
	if err == nil {
		return nil
	}
	if code, _ := answer(err); code == "NoSuchUpload" {
		return bucket.ErrNoUpload
	}
	return b.explain(err, doing, key)
}
