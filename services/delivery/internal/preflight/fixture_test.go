package preflight_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/customer-exports/exports/deploy/local/objectstore"
	"github.com/customer-exports/exports/pkg/obs"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
	"github.com/customer-exports/exports/services/delivery/internal/bucket/s3bucket"
	"github.com/customer-exports/exports/services/delivery/internal/bucket/ssetest"
	"github.com/customer-exports/exports/services/delivery/internal/preflight"
)

const (
	owner      = "111122223333"
	accessKey  = "writerkey"
	secretKey  = "writersecret"
	adminKey   = "adminsecret"
	externalID = "K7P2QWERTYUIOPASDFGHJKLZXCVBNM23"
	kmsKey     = "arn:aws:kms:us-east-1:111122223333:key/9f1c2d3e"
)

// rights are all that the role of a customer should have.
var rights = []string{
	"s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListBucket", "s3:ListBucketMultipartUploads",
}

var server *objectstore.Server

func TestMain(m *testing.M) { os.Exit(runWithStore(m)) }

// runWithStore shares one server: a process can have one only.
func runWithStore(m *testing.M) int {
	root, err := os.MkdirTemp("", "preflight-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(root) }()
	server, err = objectstore.Start(context.Background(), objectstore.Config{
		Root: root, Listen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler),
		Admin: objectstore.Account{AccessKey: owner, SecretKey: adminKey, Owner: owner},
		Users: []objectstore.User{{AccessKey: accessKey, SecretKey: secretKey}},
	})
	if err != nil {
		panic(err)
	}
	defer func() { _ = server.Close() }()
	return m.Run()
}

// site is a customer's bucket and role, as they should be.
type site struct {
	d     bucket.Destination
	proxy *ssetest.Proxy
	admin *s3.Client
}

func newSite(t *testing.T) *site {
	t.Helper()
	name := "acme-" + strings.ToLower(rand.Text())
	role := objectstore.Role{ARN: "arn:aws:iam::" + owner + ":role/" + name, ExternalID: externalID}
	if err := server.CreateRole(role); err != nil {
		t.Fatal(err)
	}
	if err := server.CreateBucket(t.Context(), name, nil); err != nil {
		t.Fatal(err)
	}
	proxy := ssetest.Start(t, server.Endpoint())
	s := &site{
		proxy: proxy,
		admin: s3.New(s3.Options{
			BaseEndpoint: aws.String(server.Endpoint()), Region: objectstore.Region, UsePathStyle: true,
			Credentials: credentials.NewStaticCredentialsProvider(owner, adminKey, ""),
		}),
		d: bucket.Destination{
			Bucket: name, Region: objectstore.Region, Endpoint: proxy.URL, Owner: owner, Role: role.ARN, ExternalID: externalID,
			Customer: "acme", KMSKey: kmsKey, OwnerACL: true,
		},
	}
	s.grant(t, role.ARN, rights...)
	return s
}

// grant writes the bucket's policy as a customer does.
func (s *site) grant(t *testing.T, principal string, actions ...string) {
	t.Helper()
	whole := "arn:aws:s3:::" + s.d.Bucket
	var statements []map[string]any
	for _, action := range actions {
		resource := whole + "/analytics-export/*"
		if strings.HasPrefix(action, "s3:ListBucket") {
			resource = whole
		}
		statements = append(statements, map[string]any{"Effect": "Allow", "Principal": map[string]string{"AWS": principal}, "Action": action, "Resource": resource})
	}
	policy, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.admin.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &s.d.Bucket, Policy: aws.String(string(policy))}); err != nil {
		t.Fatal(err)
	}
}

// left are the keys in the bucket.
func (s *site) left(t *testing.T) []string {
	t.Helper()
	out, err := s.admin.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &s.d.Bucket})
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, object := range out.Contents {
		keys = append(keys, aws.ToString(object.Key))
	}
	return keys
}

// destinations is the config service's answer.
type destinations struct {
	d   bucket.Destination
	err error
}

func (d destinations) Destination(context.Context, string, int64) (bucket.Destination, error) {
	return d.d, d.err
}

func newOpener(t *testing.T, sts string) *s3bucket.Opener {
	t.Helper()
	opener, err := s3bucket.NewOpener(t.Context(), s3bucket.Keys{AccessKey: accessKey, SecretKey: secretKey}, s3bucket.STS{Endpoint: sts})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(opener.Close)
	return opener
}

func telemetry() (*obs.Telemetry, *tracetest.SpanRecorder) {
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	return &obs.Telemetry{Logger: slog.New(slog.DiscardHandler), Tracer: provider.Tracer("test"), Provider: provider, Propagator: propagation.TraceContext{}}, recorder
}

// outcomes spells the outcomes of all checks, a letter each.
func outcomes(checks []preflight.Check) string {
	var all strings.Builder
	for _, check := range checks {
		all.WriteByte("SPF"[check.Outcome])
	}
	return all.String()
}

func find(t *testing.T, checks []preflight.Check, name string) preflight.Check {
	t.Helper()
	for _, check := range checks {
		if check.Name == name {
			return check
		}
	}
	t.Fatalf("there is no check %s", name)
	return preflight.Check{}
}
