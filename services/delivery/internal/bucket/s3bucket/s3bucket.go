// Package s3bucket implements bucket.Bucket over S3 and whatever speaks its protocol.
//
// Every call names the account that must own the bucket and has its own deadline, and is made in the
// customer's role where the destination names one. Payloads are not signed, since every piece carries
// the checksum that we computed ourselves; the SDK computes none. Start at NewOpener.
package s3bucket

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/customer-exports/exports/pkg/conf"
	"github.com/customer-exports/exports/pkg/role"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
)

// Deadlines of one call, its retries included. All are below the ack wait of a commit task.
const (
	callTimeout     = 30 * time.Second
	pieceTimeout    = 90 * time.Second
	completeTimeout = 90 * time.Second
)

// Keys is a static credential. The zero value means the default chain of the AWS SDK.
type Keys struct{ AccessKey, SecretKey string }

// STS is where roles are assumed: the URL of the token service, which empty means AWS, and its region,
// which empty means us-east-1. Trusted has authorities that sign for it, and for buckets that are not AWS's.
type STS struct {
	Endpoint, Region string
	Trusted          conf.CAFile
}

// Opener opens buckets with delivery's credentials, or in the role that a destination names.
type Opener struct {
	credentials aws.CredentialsProvider
	roles       *role.Assumer
	http        *http.Client
}

// NewOpener finds the credentials and reads who is trusted; it contacts no bucket.
func NewOpener(ctx context.Context, keys Keys, sts STS) (*Opener, error) {
	own, err := find(ctx, keys)
	if err != nil {
		return nil, err
	}
	transport := newTransport()
	if err := sts.Trusted.Trust(transport); err != nil {
		return nil, err
	}
	client := &http.Client{Transport: transport}
	return &Opener{credentials: own, http: client, roles: role.New(role.Config{
		Service: "delivery", Access: role.Write, Keys: own, Endpoint: sts.Endpoint, Region: cmp.Or(sts.Region, "us-east-1"), HTTP: client,
	})}, nil
}

func find(ctx context.Context, keys Keys) (aws.CredentialsProvider, error) {
	if keys != (Keys{}) {
		return credentials.NewStaticCredentialsProvider(keys.AccessKey, keys.SecretKey, ""), nil
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("finding S3 credentials: %w", err)
	}
	return cfg.Credentials, nil
}

func newTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 32
	t.ResponseHeaderTimeout = completeTimeout
	return t
}

// Close ends idle connections.
func (o *Opener) Close() { o.http.CloseIdleConnections() }

// Open prepares one bucket; it does not connect yet.
func (o *Opener) Open(d bucket.Destination) bucket.Bucket {
	acting := o.acting(d)
	options := s3.Options{
		Region: d.Region, Credentials: acting, HTTPClient: o.http, Retryer: renewing(acting),
		UsePathStyle:               d.Endpoint != "",
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	}
	if d.Endpoint != "" {
		options.BaseEndpoint = &d.Endpoint
	}
	return &Bucket{client: s3.New(options), name: d.Bucket, owner: d.Owner, made: writing(d)}
}

// acting returns the credentials that a destination is to be reached with.
func (o *Opener) acting(d bucket.Destination) aws.CredentialsProvider {
	if d.Role == "" {
		return o.credentials
	}
	return o.roles.Credentials(target(d))
}

// TryRole assumes the role of a destination anew, with this external id or, when it is empty, with
// none. Faults: BUCKET_ROLE_DENIED, BUCKET_DENIED, BUCKET_UNAVAILABLE.
func (o *Opener) TryRole(ctx context.Context, d bucket.Destination, externalID string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	t := target(d)
	t.ExternalID = externalID
	return o.roles.Try(ctx, t)
}

func target(d bucket.Destination) role.Target {
	return role.Target{
		ARN: d.Role, ExternalID: d.ExternalID, CustomerID: d.Customer, Bucket: d.Bucket, Region: d.Region, KMSKey: d.KMSKey, OwnerACL: d.OwnerACL,
	}
}

// Bucket is one bucket of one owner.
type Bucket struct {
	client      *s3.Client
	name, owner string
	made        making
}

// making is what goes with every object that is made: data and control objects alike.
type making struct {
	encryption types.ServerSideEncryption
	key        *string
	bucketKey  *bool
	acl        types.ObjectCannedACL
}

func writing(d bucket.Destination) making {
	var m making
	if d.KMSKey != "" {
		// The bucket key spares the customer a call to KMS for every piece.
		m.encryption, m.key, m.bucketKey = types.ServerSideEncryptionAwsKms, &d.KMSKey, aws.Bool(true)
	}
	if d.OwnerACL {
		m.acl = types.ObjectCannedACLBucketOwnerFullControl
	}
	return m
}

// unsigned leaves the payload out of the signature, also where TLS does not cover it.
func unsigned(o *s3.Options) {
	o.APIOptions = append(o.APIOptions, v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware)
}
