// Package bucket reads a customer's bucket as the customer would: list and get,
// in a read-only session of the customer's role, or with the monitor's own
// read-only key where the destination names no role. It refuses to write. Start
// reading at Opener.Open.
package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/customer-exports/exports/pkg/conf"
	"github.com/customer-exports/exports/pkg/role"
)

// ErrNotFound says that there is no such object.
var ErrNotFound = errors.New("object not found")

// Place is where a customer's drops land.
type Place struct {
	Bucket, Region, Endpoint, Owner string // Endpoint empty means AWS; Owner is sent with every call

	Role, ExternalID string // Role empty means that the monitor's own key is used
	Customer         string // how the owner's access log names who assumed the role
	KMSKey           string // the key that drops are encrypted with; empty means whichever the bucket uses
}

// Keys is a static read-only credential.
type Keys struct {
	AccessKey, SecretKey string
}

// Reader reads one bucket.
type Reader struct {
	client *s3.Client
	place  Place
}

// STS is where roles are assumed.
type STS struct {
	Endpoint, Region string      // Endpoint empty means AWS
	Trusted          conf.CAFile // who signs for it, and for buckets that are not AWS's
}

// Opener opens buckets. It is safe for concurrent use.
type Opener struct {
	own   aws.CredentialsProvider
	roles *role.Assumer
	http  *http.Client
}

// NewOpener prepares an Opener and reads who is trusted; it contacts nobody.
func NewOpener(keys Keys, sts STS) (*Opener, error) {
	own := credentials.NewStaticCredentialsProvider(keys.AccessKey, keys.SecretKey, "")
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if err := sts.Trusted.Trust(transport); err != nil {
		return nil, err
	}
	client := &http.Client{Transport: transport}
	return &Opener{own: own, http: client, roles: role.New(role.Config{
		Service: "slamonitor", Access: role.Read, Keys: own, Endpoint: sts.Endpoint, Region: sts.Region, HTTP: client,
	})}, nil
}

// Open prepares reading; it does not connect yet.
func (o *Opener) Open(place Place) *Reader {
	return &Reader{place: place, client: s3.New(s3.Options{
		Region:       place.Region,
		Credentials:  o.acting(place),
		BaseEndpoint: endpoint(place.Endpoint),
		UsePathStyle: place.Endpoint != "",
		HTTPClient:   o.http,
		// Checksums are compared with the manifest by our own code.
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	})}
}

func (o *Opener) acting(p Place) aws.CredentialsProvider {
	if p.Role == "" {
		return o.own
	}
	return o.roles.Credentials(role.Target{
		ARN: p.Role, ExternalID: p.ExternalID, CustomerID: p.Customer, Bucket: p.Bucket, Region: p.Region, KMSKey: p.KMSKey,
	})
}

func endpoint(url string) *string {
	if url == "" {
		return nil
	}
	return &url
}

// Path spells a key for a person: s3://bucket/key.
func (r *Reader) Path(key string) string { return "s3://" + r.place.Bucket + "/" + key }

// List returns every key below prefix.
func (r *Reader) List(ctx context.Context, prefix string) ([]string, error) {
	var keys []string
	pages := s3.NewListObjectsV2Paginator(r.client, &s3.ListObjectsV2Input{
		Bucket: &r.place.Bucket, Prefix: &prefix, ExpectedBucketOwner: &r.place.Owner,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("listing %s: %w", r.Path(prefix), err)
		}
		for _, object := range page.Contents {
			keys = append(keys, aws.ToString(object.Key))
		}
	}
	return keys, nil
}

// Get opens an object; the caller closes it. ErrNotFound when there is none.
func (r *Reader) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	out, err := r.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &r.place.Bucket, Key: &key, ExpectedBucketOwner: &r.place.Owner})
	if missing := (*types.NoSuchKey)(nil); errors.As(err, &missing) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("getting %s: %w", r.Path(key), err)
	}
	return out.Body, nil
}
