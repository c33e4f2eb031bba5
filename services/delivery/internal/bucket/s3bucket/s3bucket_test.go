package s3bucket_test

import (
	"context"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/customer-exports/exports/deploy/local/objectstore"
	"github.com/customer-exports/exports/pkg/conf"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
	"github.com/customer-exports/exports/services/delivery/internal/bucket/buckettest"
	"github.com/customer-exports/exports/services/delivery/internal/bucket/s3bucket"
	"github.com/customer-exports/exports/services/delivery/internal/bucket/ssetest"
)

const (
	owner  = "111122223333"
	writer = "writerkey"
	secret = "writersecret"
)

func startStore(t *testing.T, now func() time.Time) *objectstore.Server {
	t.Helper()
	// Not t.TempDir: the server's working directory is its root until it is closed.
	root, err := os.MkdirTemp("", "s3bucket-")
	if err != nil {
		t.Fatal(err)
	}
	s, err := objectstore.Start(t.Context(), objectstore.Config{
		Root: root, Listen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler),
		Admin: objectstore.Account{AccessKey: "adminkey", SecretKey: "adminsecret", Owner: owner},
		Users: []objectstore.User{{AccessKey: writer, SecretKey: secret}}, Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		_ = os.RemoveAll(root)
	})
	return s
}

// place is one server with two buckets: one of a customer whose role lets us in, one that lets no one in.
type place struct {
	server *objectstore.Server
	proxy  *ssetest.Proxy
	role   bucket.Destination // by role and through the proxy
}

const externalID = "K7P2QWERTYUIOPASDFGHJKLZXCVBNM23"

func newPlace(t *testing.T) place {
	t.Helper()
	return newPlaceAt(t, time.Now)
}

func newPlaceAt(t *testing.T, now func() time.Time) place {
	t.Helper()
	s := startStore(t, now)
	role := objectstore.Role{ARN: "arn:aws:iam::" + owner + ":role/analytics-export", ExternalID: externalID}
	if err := s.CreateRole(role); err != nil {
		t.Fatal(err)
	}
	for name, grants := range map[string][]objectstore.Grant{
		"acme-exports": {{AccessKey: writer, Write: true}}, "role-exports": {{RoleARN: role.ARN, Write: true}}, "closed-exports": nil,
	} {
		if err := s.CreateBucket(t.Context(), name, grants); err != nil {
			t.Fatal(err)
		}
	}
	proxy := ssetest.Start(t, s.Endpoint())
	return place{server: s, proxy: proxy, role: bucket.Destination{
		Bucket: "role-exports", Region: objectstore.Region, Endpoint: proxy.URL, Owner: owner,
		Role: role.ARN, ExternalID: externalID, Customer: "acme",
	}}
}

func (p place) opener(t *testing.T, keys s3bucket.Keys) *s3bucket.Opener {
	t.Helper()
	opener, err := s3bucket.NewOpener(t.Context(), keys, s3bucket.STS{Endpoint: p.server.STSEndpoint()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(opener.Close)
	return opener
}

// plain is a bucket that is reached with delivery's own key.
func (p place) plain(name string) bucket.Destination {
	return bucket.Destination{Bucket: name, Region: objectstore.Region, Endpoint: p.proxy.URL, Owner: owner}
}

func TestRealServer(t *testing.T) {
	p := newPlace(t)
	keys := s3bucket.Keys{AccessKey: writer, SecretKey: secret}
	for name, d := range map[string]bucket.Destination{"own key": p.plain("acme-exports"), "role": p.role} {
		t.Run(name, func(t *testing.T) {
			foreign, keyed := d, d
			foreign.Owner, keyed.KMSKey = "999999999999", buckettest.Key
			opener := p.opener(t, keys)
			buckettest.Run(t, opener.Open(d), opener.Open(foreign), opener.Open(keyed))
			if calls := p.proxy.Unowned(); len(calls) > 0 {
				t.Errorf("calls that would reach anybody's bucket: %q", calls)
			}
		})
	}
	t.Run("faults", func(t *testing.T) {
		wrongID, noID, unknownKey := p.role, p.role, p.role
		wrongID.ExternalID, noID.ExternalID, unknownKey.KMSKey = "WRONG", "", "arn:aws:kms:us-east-1:111122223333:key/gone"
		p.proxy.Unknown = unknownKey.KMSKey
		for name, c := range map[string]struct {
			keys   s3bucket.Keys
			d      bucket.Destination
			kind   fault.Kind
			reason fault.Reason
		}{
			"no grant":              {keys, p.plain("closed-exports"), fault.Denied, fault.ReasonBucketOwnerMismatch},
			"no grant of own key":   {keys, p.plain("role-exports"), fault.Denied, fault.ReasonBucketOwnerMismatch},
			"no such bucket":        {keys, p.plain("nobodys-exports"), fault.NotFound, fault.ReasonBucketUnavailable},
			"wrong secret":          {s3bucket.Keys{AccessKey: writer, SecretKey: "x"}, p.plain("acme-exports"), fault.Denied, fault.ReasonBucketDenied},
			"wrong secret and role": {s3bucket.Keys{AccessKey: writer, SecretKey: "x"}, p.role, fault.Denied, fault.ReasonBucketDenied},
			"wrong external id":     {keys, wrongID, fault.Denied, fault.ReasonBucketRoleDenied},
			"no external id":        {keys, noID, fault.State, fault.ReasonBucketRoleDenied},
			"unknown key":           {keys, unknownKey, fault.State, fault.ReasonBucketKeyRefused},
		} {
			b := p.opener(t, c.keys).Open(c.d)
			_, err := b.StartUpload(t.Context(), "analytics-export/x")
			for call, err := range map[string]error{"StartUpload": err, "PutNew": b.PutNew(t.Context(), "analytics-export/x", nil)} {
				if fault.KindOf(err) != c.kind || fault.ReasonOf(err) != c.reason {
					t.Errorf("%s: %s: got %v, want %s %s", name, call, err, c.kind, c.reason)
				}
			}
		}
	})
}

// TestEveryObjectIsMadeAsAgreed looks at what is sent, since the server ignores ACLs.
func TestEveryObjectIsMadeAsAgreed(t *testing.T) {
	p := newPlace(t)
	opener := p.opener(t, s3bucket.Keys{AccessKey: writer, SecretKey: secret})
	all := p.role
	all.KMSKey, all.OwnerACL = buckettest.Key, true
	for name, tc := range map[string]struct {
		d    bucket.Destination
		want ssetest.Made
	}{
		"nothing":     {p.role, ssetest.Made{}},
		"key and ACL": {all, ssetest.Made{Algorithm: "aws:kms", Key: buckettest.Key, BucketKey: "true", ACL: "bucket-owner-full-control"}},
	} {
		t.Run(name, func(t *testing.T) {
			b, folder := opener.Open(tc.d), "analytics-export/"+strings.ReplaceAll(name, " ", "-")
			if _, err := b.StartUpload(t.Context(), folder+"/file"); err != nil {
				t.Fatal(err)
			}
			if err := b.PutNew(t.Context(), folder+"/control", []byte("x")); err != nil {
				t.Fatal(err)
			}
			for _, key := range []string{"/file", "/control"} {
				if got := p.proxy.Made()["/"+tc.d.Bucket+"/"+folder+key]; got != tc.want {
					t.Errorf("%s: got %+v, want %+v", key, got, tc.want)
				}
			}
		})
	}
}

func TestTryRole(t *testing.T) {
	p := newPlace(t)
	open := objectstore.Role{ARN: p.role.Role + "-open"}
	if err := p.server.CreateRole(open); err != nil {
		t.Fatal(err)
	}
	opener := p.opener(t, s3bucket.Keys{AccessKey: writer, SecretKey: secret})
	for _, tc := range []struct {
		role, id string
		want     fault.Reason
	}{{p.role.Role, externalID, ""}, {p.role.Role, "", fault.ReasonBucketRoleDenied}, {p.role.Role, "OTHER", fault.ReasonBucketRoleDenied}, {open.ARN, "", ""}} {
		d := p.role
		d.Role = tc.role
		if err := opener.TryRole(t.Context(), d, tc.id); fault.ReasonOf(err) != tc.want {
			t.Errorf("TryRole(%s, %q): got %v, want %q", tc.role, tc.id, err, tc.want)
		}
	}
}

// TestExpiredSessionIsRenewed has the bucket's clock run ahead of ours until it refuses a session that we take for good.
func TestExpiredSessionIsRenewed(t *testing.T) {
	var ahead atomic.Int64
	p := newPlaceAt(t, func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) })
	b := p.opener(t, s3bucket.Keys{AccessKey: writer, SecretKey: secret}).Open(p.role)
	for i, later := range []time.Duration{0, 31 * time.Minute, 62 * time.Minute} {
		ahead.Store(int64(later))
		if err := b.PutNew(t.Context(), fmt.Sprintf("analytics-export/%d", i), []byte("x")); err != nil {
			t.Errorf("%s later: %v", later, err)
		}
	}
}

// TestTokenServiceThatIsNone answers 404 to everything, which must not be taken for a missing object.
func TestTokenServiceThatIsNone(t *testing.T) {
	none := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(none.Close)
	opener, err := s3bucket.NewOpener(t.Context(), s3bucket.Keys{AccessKey: writer, SecretKey: secret}, s3bucket.STS{Endpoint: none.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer opener.Close()
	b := opener.Open(bucket.Destination{Bucket: "acme-exports", Region: "us-east-1", Endpoint: none.URL, Owner: owner, Role: "arn:aws:iam::1:role/x", ExternalID: "X"})
	if _, err := b.Head(t.Context(), "analytics-export/x"); fault.ReasonOf(err) != fault.ReasonBucketRoleDenied {
		t.Errorf("Head: got %v, want BUCKET_ROLE_DENIED", err)
	}
}

// TestABucketWithItsOwnAuthority speaks TLS that nobody trusts but whoever has its certificate.
func TestABucketWithItsOwnAuthority(t *testing.T) {
	p := newPlace(t)
	server := httptest.NewTLSServer(p.proxy)
	defer server.Close()
	authority := filepath.Join(t.TempDir(), "ca.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(authority, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	at := p.plain("acme-exports")
	at.Endpoint = server.URL
	for trusted, open := range map[conf.CAFile]func(b bucket.Bucket){
		conf.CAFile(authority): func(b bucket.Bucket) {
			if err := b.PutNew(t.Context(), "analytics-export/_probe", []byte("x")); err != nil {
				t.Errorf("with its authority: %v", err)
			}
		},
		"": func(b bucket.Bucket) {
			_, err := b.Head(t.Context(), "analytics-export/_probe")
			if fault.ReasonOf(err) != fault.ReasonBucketUnavailable || !fault.Retryable(err) || !strings.Contains(err.Error(), "s3.ca_file") {
				t.Errorf("without: got %v, want BUCKET_UNAVAILABLE that says what to set", err)
			}
		},
	} {
		opener, err := s3bucket.NewOpener(t.Context(), s3bucket.Keys{AccessKey: writer, SecretKey: secret}, s3bucket.STS{Trusted: trusted})
		if err != nil {
			t.Fatal(err)
		}
		defer opener.Close()
		open(opener.Open(at))
	}
	if _, err := s3bucket.NewOpener(t.Context(), s3bucket.Keys{}, s3bucket.STS{Trusted: "/nowhere.pem"}); err == nil {
		t.Error("an authority that is not there was taken")
	}
}

func TestUnreachableEndpointMayBeRetried(t *testing.T) {
	opener, err := s3bucket.NewOpener(t.Context(), s3bucket.Keys{AccessKey: writer, SecretKey: secret}, s3bucket.STS{})
	if err != nil {
		t.Fatal(err)
	}
	defer opener.Close()
	b := opener.Open(bucket.Destination{Bucket: "acme-exports", Region: "us-east-1", Endpoint: "http://127.0.0.1:1", Owner: owner})
	_, err = b.Head(t.Context(), "analytics-export/x")
	if fault.ReasonOf(err) != fault.ReasonBucketUnavailable || !fault.Retryable(err) {
		t.Errorf("Head: got %v, want BUCKET_UNAVAILABLE, retryable", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Head(ctx, "analytics-export/x"); !fault.Retryable(err) {
		t.Errorf("Head with an ended context: got %v, want retryable", fmt.Sprint(err))
	}
}
