// Package s3bucket implements bucket.Bucket over S3 and whatever speaks its protocol.
//
// Every call names the account that must own the bucket and has its own deadline. Payloads are not
// signed, since every piece carries the checksum that we computed ourselves; the SDK computes none.
// Start at NewOpener.
package s3bucket

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

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

// Opener opens buckets with delivery's credentials.
type Opener struct {
	credentials aws.CredentialsProvider
	http        *http.Client
}

// NewOpener finds the credentials; it contacts no bucket.
func NewOpener(ctx context.Context, keys Keys) (*Opener, error) {
	o := &Opener{http: &http.Client{Transport: transport()}}
	if keys != (Keys{}) {
		o.credentials = credentials.NewStaticCredentialsProvider(keys.AccessKey, keys.SecretKey, "")
		return o, nil
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("finding S3 credentials: %w", err)
	}
	o.credentials = cfg.Credentials
	return o, nil
}

func transport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 32
	t.ResponseHeaderTimeout = completeTimeout
	return t
}

// Close ends idle connections.
func (o *Opener) Close() { o.http.CloseIdleConnections() }

// Open prepares one bucket; it does not connect yet.
func (o *Opener) Open(d bucket.Destination) bucket.Bucket {
	options := s3.Options{
		Region: d.Region, Credentials: o.credentials, HTTPClient: o.http,
		UsePathStyle:               d.Endpoint != "",
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	}
	if d.Endpoint != "" {
		options.BaseEndpoint = &d.Endpoint
	}
	return &Bucket{client: s3.New(options), name: d.Bucket, owner: d.Owner}
}

// Bucket is one bucket of one owner.
type Bucket struct {
	client      *s3.Client
	name, owner string
}

// unsigned leaves the payload out of the signature, also where TLS does not cover it.
func unsigned(o *s3.Options) {
	o.APIOptions = append(o.APIOptions, v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware)
}
