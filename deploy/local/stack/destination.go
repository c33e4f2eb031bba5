package stack

import (
	"context"
	"fmt"

	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"

	"github.com/customer-exports/exports/deploy/local/objectstore"
)

// CreateDestination does what a customer does during onboarding: it makes a
// bucket, and a role that alone is let in and wants this external id, which is
// the one that the config service made for the customer. It returns what the
// customer answers with, to be put into the specification as it is.
func (s *Stack) CreateDestination(ctx context.Context, bucket, externalID string) (*configv1.Destination, error) {
	role := objectstore.Role{ARN: "arn:aws:iam::" + BucketOwner + ":role/" + bucket, ExternalID: externalID}
	if err := s.S3.CreateRole(role); err != nil {
		return nil, fmt.Errorf("making the role of bucket %s: %w", bucket, err)
	}
	if err := s.S3.CreateBucket(ctx, bucket, []objectstore.Grant{{RoleARN: role.ARN, Write: true}}); err != nil {
		return nil, err
	}
	return &configv1.Destination{
		Bucket: bucket, Region: objectstore.Region, Endpoint: s.S3.Endpoint(), ExpectedBucketOwner: BucketOwner, RoleArn: role.ARN,
	}, nil
}
