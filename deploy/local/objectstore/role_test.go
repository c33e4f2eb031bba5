package objectstore_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/customer-exports/exports/deploy/local/objectstore"
)

const (
	roleARN    = "arn:aws:iam::" + owner + ":role/exports/analytics-export"
	externalID = "K7P2QWERTYUIOPASDFGHJKLZXCVBNM23"
)

// readOnly is a session policy as the SLA monitor sends it.
const readOnly = `{"Version":"2012-10-17","Statement":[
 {"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::acme-data/analytics-export/*"},
 {"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::acme-data","Condition":{"StringLike":{"s3:prefix":"analytics-export/*"}}}]}`

// startRole is a server whose bucket lets a role write, and one more role that its customer left open.
func startRole(t *testing.T, now func() time.Time) *objectstore.Server {
	t.Helper()
	cfg := config(t)
	cfg.Now = now
	srv := start(t, cfg)
	for _, role := range []objectstore.Role{{ARN: roleARN, ExternalID: externalID}, {ARN: roleARN + "-open"}} {
		if err := srv.CreateRole(role); err != nil {
			t.Fatal(err)
		}
	}
	grants := []objectstore.Grant{{AccessKey: "writer", Write: true}, {RoleARN: roleARN, Write: true}}
	if err := srv.CreateBucket(t.Context(), bucket, grants); err != nil {
		t.Fatal(err)
	}
	return srv
}

func stsClient(t *testing.T, srv *objectstore.Server, access, secret string) *sts.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return sts.New(sts.Options{
		HTTPClient: &http.Client{Transport: transport}, BaseEndpoint: aws.String(srv.STSEndpoint()), Region: "eu-central-1",
		Credentials: credentials.NewStaticCredentialsProvider(access, secret, ""), RetryMaxAttempts: 1,
	})
}

func request(change func(*sts.AssumeRoleInput)) *sts.AssumeRoleInput {
	in := &sts.AssumeRoleInput{
		RoleArn: aws.String(roleARN), RoleSessionName: aws.String("delivery-acme"), ExternalId: aws.String(externalID),
		DurationSeconds: aws.Int32(900),
	}
	if change != nil {
		change(in)
	}
	return in
}

// assume returns the credentials of a session that must be had.
func assume(t *testing.T, srv *objectstore.Server, change func(*sts.AssumeRoleInput)) *ststypes.Credentials {
	t.Helper()
	out, err := stsClient(t, srv, "writer", secret).AssumeRole(t.Context(), request(change))
	if err != nil {
		t.Fatal(err)
	}
	return out.Credentials
}

// as is an S3 client with credentials of a session.
func as(t *testing.T, srv *objectstore.Server, c *ststypes.Credentials, token string) *s3.Client {
	t.Helper()
	client := client(t, srv, "writer")
	return s3.New(client.Options(), func(o *s3.Options) {
		o.Credentials = credentials.NewStaticCredentialsProvider(*c.AccessKeyId, *c.SecretAccessKey, token)
	})
}

func TestAssumeRole(t *testing.T) {
	srv := startRole(t, nil)
	for _, tc := range []struct {
		name           string
		access, secret string
		change         func(*sts.AssumeRoleInput)
		want           string
	}{
		{"right external id", "writer", secret, nil, ""},
		{"another user of ours", "reader", secret, nil, ""},
		{"no external id", "writer", secret, func(in *sts.AssumeRoleInput) { in.ExternalId = nil }, "AccessDenied"},
		{"wrong external id", "writer", secret, func(in *sts.AssumeRoleInput) { in.ExternalId = aws.String(externalID + "X") }, "AccessDenied"},
		{"unknown role", "writer", secret, func(in *sts.AssumeRoleInput) { in.RoleArn = aws.String(roleARN + "-other") }, "AccessDenied"},
		{"open role without an id", "writer", secret, func(in *sts.AssumeRoleInput) { in.RoleArn, in.ExternalId = aws.String(roleARN+"-open"), nil }, ""},
		{"wrong secret", "writer", "x", nil, "SignatureDoesNotMatch"},
		{"unknown key", "stranger", secret, nil, "InvalidClientTokenId"},
		{"too short", "writer", secret, func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(60) }, "ValidationError"},
		{"too long", "writer", secret, func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(3601) }, "ValidationError"},
		{"bad session name", "writer", secret, func(in *sts.AssumeRoleInput) { in.RoleSessionName = aws.String("a b") }, "ValidationError"},
		{"bad policy", "writer", secret, func(in *sts.AssumeRoleInput) { in.Policy = aws.String(`{"Statement":[]}`) }, "MalformedPolicyDocument"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out, err := stsClient(t, srv, tc.access, tc.secret).AssumeRole(t.Context(), request(tc.change))
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || code(err) != tc.want) {
				t.Fatalf("got %v, want code %q", err, tc.want)
			}
			if err == nil && time.Until(*out.Credentials.Expiration).Round(time.Minute) != 15*time.Minute {
				t.Errorf("ends %s, want in 15 minutes", out.Credentials.Expiration)
			}
		})
	}
}

// TestSignatureCoversTheRequest alters a signed request on its way.
func TestSignatureCoversTheRequest(t *testing.T) {
	srv := startRole(t, nil)
	client := stsClient(t, srv, "writer", secret)
	for name, alter := range map[string]func(*http.Request){
		"other body": func(r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(bytes.Replace(body, []byte("delivery-acme"), []byte("delivery-evil"), 1)))
		},
		"other header": func(r *http.Request) {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		},
		"other time": func(r *http.Request) {
			r.Header.Set("X-Amz-Date", time.Now().Add(time.Minute).UTC().Format("20060102T150405Z"))
		},
		"no signature": func(r *http.Request) { r.Header.Del("Authorization") },
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client.AssumeRole(t.Context(), request(nil), func(o *sts.Options) { o.HTTPClient = altering{o.HTTPClient, alter} })
			if got := code(err); got != "SignatureDoesNotMatch" && got != "MissingAuthenticationToken" {
				t.Errorf("got %v, want a refused signature", err)
			}
		})
	}
}

type altering struct {
	next  sts.HTTPClient
	alter func(*http.Request)
}

func (a altering) Do(r *http.Request) (*http.Response, error) {
	a.alter(r)
	return a.next.Do(r)
}

func TestSession(t *testing.T) {
	srv := startRole(t, nil)
	whole := assume(t, srv, nil)
	narrow := assume(t, srv, func(in *sts.AssumeRoleInput) { in.Policy = aws.String(readOnly) })
	wide := assume(t, srv, func(in *sts.AssumeRoleInput) {
		in.Policy = aws.String(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`)
	})
	open := assume(t, srv, func(in *sts.AssumeRoleInput) { in.RoleArn = aws.String(roleARN + "-open") })
	const key = objectstore.Prefix + "file"
	write := func(key string) func(context.Context, *s3.Client) error {
		return func(ctx context.Context, c *s3.Client) error { return put(ctx, c, key, "rows") }
	}
	read := func(account string) func(context.Context, *s3.Client) error {
		return func(ctx context.Context, c *s3.Client) error {
			out, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(key), ExpectedBucketOwner: &account})
			if err == nil {
				err = out.Body.Close()
			}
			return err
		}
	}
	list := func(prefix string) func(context.Context, *s3.Client) error {
		return func(ctx context.Context, c *s3.Client) error {
			_, err := c.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String(bucket), Prefix: &prefix, ExpectedBucketOwner: aws.String(owner)})
			return err
		}
	}
	for _, tc := range []struct {
		name    string
		session *ststypes.Credentials
		token   string
		do      func(context.Context, *s3.Client) error
		want    string
	}{
		{"writes", whole, *whole.SessionToken, write(key), ""},
		{"writes outside the prefix", whole, *whole.SessionToken, write("elsewhere"), "AccessDenied"},
		{"reads", whole, *whole.SessionToken, read(owner), ""},
		{"reads, another owner expected", whole, *whole.SessionToken, read("999999999999"), "AccessDenied"},
		{"token altered", whole, *whole.SessionToken + "x", read(owner), "InvalidToken"},
		{"token of another session", whole, *narrow.SessionToken, read(owner), "InvalidToken"},
		{"no token", whole, "", read(owner), "InvalidToken"},
		{"narrowed reads", narrow, *narrow.SessionToken, read(owner), ""},
		{"narrowed lists", narrow, *narrow.SessionToken, list(objectstore.Prefix), ""},
		{"narrowed lists the whole bucket", narrow, *narrow.SessionToken, list(""), "AccessDenied"},
		{"narrowed writes", narrow, *narrow.SessionToken, write(key), "AccessDenied"},
		{"policy wider than the role", wide, *wide.SessionToken, write("elsewhere"), "AccessDenied"},
		{"policy wider than the role, within", wide, *wide.SessionToken, write(key), ""},
		{"role without a grant", open, *open.SessionToken, read(owner), "AccessDenied"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := tc.do(t.Context(), as(t, srv, tc.session, tc.token))
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || code(err) != tc.want) {
				t.Errorf("got %v, want code %q", err, tc.want)
			}
		})
	}
}

func TestSessionEnds(t *testing.T) {
	var late atomic.Int64
	srv := startRole(t, func() time.Time { return time.Now().Add(time.Duration(late.Load())) })
	session := assume(t, srv, nil)
	for _, tc := range []struct {
		after time.Duration
		want  string
	}{{14 * time.Minute, ""}, {16 * time.Minute, "ExpiredToken"}} {
		late.Store(int64(tc.after))
		err := put(t.Context(), as(t, srv, session, *session.SessionToken), objectstore.Prefix+"x", "x")
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || code(err) != tc.want) {
			t.Errorf("after %s: got %v, want code %q", tc.after, err, tc.want)
		}
	}
}

// TestSDKProvider uses the SDK's own provider, and a grant that is given to a running session.
func TestSDKProvider(t *testing.T) {
	srv := startRole(t, nil)
	provider := stscreds.NewAssumeRoleProvider(stsClient(t, srv, "writer", secret), roleARN+"-open")
	c := s3.New(client(t, srv, "writer").Options(), func(o *s3.Options) { o.Credentials = aws.NewCredentialsCache(provider) })
	if err := put(t.Context(), c, objectstore.Prefix+"x", "x"); code(err) != "AccessDenied" {
		t.Fatalf("without a grant: got %v, want AccessDenied", err)
	}
	if err := srv.CreateBucket(t.Context(), bucket, []objectstore.Grant{{RoleARN: roleARN + "-open", Write: true}}); err != nil {
		t.Fatal(err)
	}
	if err := put(t.Context(), c, objectstore.Prefix+"x", "x"); err != nil {
		t.Errorf("with a grant: %v", err)
	}
}

func TestRolesThatAreNone(t *testing.T) {
	srv := startRole(t, nil)
	if err := srv.CreateRole(objectstore.Role{ARN: "analytics-export"}); err == nil {
		t.Error("CreateRole takes a name for an ARN")
	}
	grants := []objectstore.Grant{{RoleARN: fmt.Sprintf("arn:aws:iam::%s:role/nobody", owner)}}
	if err := srv.CreateBucket(t.Context(), "other-data", grants); err == nil {
		t.Error("CreateBucket grants to a role that was not created")
	}
}
