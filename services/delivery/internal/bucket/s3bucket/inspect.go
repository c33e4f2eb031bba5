package s3bucket

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/customer-exports/exports/services/delivery/internal/bucket"
)

// List returns at most 1,000 keys below a prefix.
func (b *Bucket) List(ctx context.Context, prefix string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out, err := b.client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: &prefix, ExpectedBucketOwner: &b.owner})
	if err != nil {
		return nil, b.explain(err, "listing objects below", prefix)
	}
	keys := make([]string, len(out.Contents))
	for i, object := range out.Contents {
		keys[i] = aws.ToString(object.Key)
	}
	return keys, nil
}

// Encryption says how an object is encrypted.
func (b *Bucket) Encryption(ctx context.Context, key string) (bucket.Encryption, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out, err := b.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.name, Key: &key, ExpectedBucketOwner: &b.owner})
	if err != nil {
		return bucket.Encryption{}, b.orNotFound(err, "looking at", key)
	}
	return bucket.Encryption{Algorithm: string(out.ServerSideEncryption), KMSKey: aws.ToString(out.SSEKMSKeyId)}, nil
}
