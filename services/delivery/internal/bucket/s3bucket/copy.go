package s3bucket

import (
	"context"
	"fmt"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/customer-exports/exports/services/delivery/internal/bucket"
)

// CopyPiece stores a range of an object as one piece, without its bytes coming here.
func (b *Bucket) CopyPiece(ctx context.Context, u bucket.Upload, number int32, from bucket.Span) (bucket.Uploaded, error) {
	ctx, cancel := context.WithTimeout(ctx, pieceTimeout)
	defer cancel()
	source := url.URL{Path: b.name + "/" + from.Key}
	out, err := b.client.UploadPartCopy(ctx, &s3.UploadPartCopyInput{
		Bucket: &b.name, Key: &u.Key, UploadId: &u.ID, PartNumber: &number,
		CopySource: aws.String(source.EscapedPath()), CopySourceRange: aws.String(fmt.Sprintf("bytes=%d-%d", from.Offset, from.Offset+from.Length-1)),
		ExpectedBucketOwner: &b.owner, ExpectedSourceBucketOwner: &b.owner,
	})
	if code, _ := answer(err); code == "NoSuchKey" {
		return bucket.Uploaded{}, bucket.ErrNotFound
	}
	if err != nil {
		return bucket.Uploaded{}, b.orNoUpload(err, "copying into", u.Key)
	}
	result := out.CopyPartResult
	if result == nil {
		result = &types.CopyPartResult{}
	}
	return bucket.Uploaded{Number: number, ETag: aws.ToString(result.ETag), CRC64NVME: aws.ToString(result.ChecksumCRC64NVME)}, nil
}
