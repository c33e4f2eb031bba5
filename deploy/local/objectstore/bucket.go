package objectstore

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Prefix is where grants hold; the rest of a bucket is the customer's own.
const Prefix = "analytics-export/"

// Grant lets a configured user, or whoever assumed a role, work under Prefix of
// one bucket. All grants allow to get and to list; listing needs a prefix that
// begins with Prefix, so a HEAD of the bucket is refused, as S3 does with such a
// policy.
type Grant struct {
	AccessKey string // of a user; empty with a role
	RoleARN   string // of a role that was created before; empty with a user
	Write     bool   // also put, delete, and begin, list and abort multipart uploads
}

// CreateBucket makes a bucket owned by the admin's account. A bucket that exists
// keeps its objects and gets these grants instead of its former ones.
func (s *Server) CreateBucket(ctx context.Context, name string, grants []Grant) error {
	_, err := s.admin.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name})
	if owned := (*types.BucketAlreadyOwnedByYou)(nil); err != nil && !errors.As(err, &owned) {
		return fmt.Errorf("creating bucket %s: %w", name, err)
	}
	if len(grants) == 0 {
		_, err = s.admin.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: &name})
	} else {
		_, err = s.admin.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &name, Policy: bucketPolicy(name, grants)})
	}
	if err != nil {
		return fmt.Errorf("granting access to bucket %s: %w", name, err)
	}
	return nil
}

func (s *Server) client(access, secret string) *s3.Client {
	// A call or two per bucket: not worth connections that outlive the server.
	transport := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) { t.DisableKeepAlives = true })
	return s3.New(s3.Options{
		HTTPClient: transport, BaseEndpoint: aws.String(s.Endpoint()), Region: Region, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(access, secret, ""),
	})
}

type statement struct {
	Effect    string
	Principal map[string]string
	Action    []string
	Resource  string
	Condition map[string]map[string]string `json:",omitempty"`
}

func bucketPolicy(bucket string, grants []Grant) *string {
	var statements []statement
	for _, g := range grants {
		statements = append(statements, g.statements(bucket)...)
	}
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	if err != nil {
		panic(err) // maps and slices of strings always encode
	}
	return aws.String(string(text))
}

func (g Grant) statements(bucket string) []statement {
	whole, principal := "arn:aws:s3:::"+bucket, cmp.Or(g.RoleARN, g.AccessKey)
	allow := func(resource string, actions ...string) statement {
		return statement{Effect: "Allow", Principal: map[string]string{"AWS": principal}, Action: actions, Resource: resource}
	}
	list := allow(whole, "s3:ListBucket")
	list.Condition = map[string]map[string]string{"StringLike": {"s3:prefix": Prefix + "*"}}
	objects := whole + "/" + Prefix + "*"
	statements := []statement{list, allow(objects, "s3:GetObject", "s3:GetObjectAttributes")}
	if !g.Write {
		return statements
	}
	return append(statements,
		allow(objects, "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"),
		// S3 knows no prefix condition for this one: it shows keys, never content.
		allow(whole, "s3:ListBucketMultipartUploads"))
}
