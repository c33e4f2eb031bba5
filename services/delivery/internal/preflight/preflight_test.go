package preflight_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"

	"github.com/customer-exports/exports/deploy/local/objectstore"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
	"github.com/customer-exports/exports/services/delivery/internal/bucket/membucket"
	"github.com/customer-exports/exports/services/delivery/internal/preflight"
)

func without(action string) []string {
	return slices.DeleteFunc(slices.Clone(rights), func(a string) bool { return a == action })
}

// TestRealServer spells outcomes in the order of the contract: assume_role, needs_external_id, owner,
// owner_is_enforced, write, encryption, list, read, delete.
func TestRealServer(t *testing.T) {
	for _, tc := range []struct {
		name, want string
		prepare    func(t *testing.T, s *site)
		check, fix string // the one that matters, and part of its fix
	}{
		{"all is right", "PPPPPPPPP", nil, "write", ""},
		{"no key is agreed", "PPPPPSPPP", func(_ *testing.T, s *site) { s.d.KMSKey = "" }, "encryption", ""},
		{"no role is agreed", "SSPPPPPPP", func(t *testing.T, s *site) { s.d.Role = ""; s.grant(t, accessKey, rights...) }, "assume_role", ""},
		{"role is missing", "FSSSSSSSS", func(_ *testing.T, s *site) { s.d.Role += "-other" }, "assume_role", `"sts:ExternalId": "` + externalID + `"`},
		{"trust policy wants another id", "FSSSSSSSS", func(t *testing.T, s *site) { setRole(t, s, "ANOTHER") }, "assume_role", `"sts:ExternalId": "` + externalID + `"`},
		{"trust policy wants no id", "PFPPPPPPP", func(t *testing.T, s *site) { setRole(t, s, "") }, "assume_role_needs_external_id", `"sts:ExternalId": "` + externalID + `"`},
		{"owner is wrong", "PPFSSSSSS", func(_ *testing.T, s *site) { s.d.Owner = "444455556666" }, "bucket_owner", "corrects expected_bucket_owner"},
		{"bucket is missing", "PPFSSSSSS", func(_ *testing.T, s *site) { s.d.Bucket += "-other" }, "bucket_owner", "makes bucket"},
		{"role without any right", "PPFSSSSSS", func(t *testing.T, s *site) { s.grant(t, accessKey, rights...) }, "bucket_owner", "s3:ListBucket"},
		{"no right to write", "PPPPFSPSS", func(t *testing.T, s *site) { s.grant(t, s.d.Role, without("s3:PutObject")...) }, "write", `["s3:PutObject","s3:PutObjectAcl"]`},
		{"no right to list", "PPPPPPFPP", func(t *testing.T, s *site) { s.grant(t, s.d.Role, without("s3:ListBucket")...) }, "list", "s3:ListBucket"},
		{"no right to list uploads", "PPPPPPFPP", func(t *testing.T, s *site) { s.grant(t, s.d.Role, without("s3:ListBucketMultipartUploads")...) }, "list", "s3:ListBucketMultipartUploads"},
		{"no right to read", "PPPPPFPFP", func(t *testing.T, s *site) { s.grant(t, s.d.Role, without("s3:GetObject")...) }, "read", "s3:GetObject"},
		{"no right to abort", "PPPPPPPPF", func(t *testing.T, s *site) { s.grant(t, s.d.Role, without("s3:AbortMultipartUpload")...) }, "delete", "s3:AbortMultipartUpload"},
		{"objects get another key", "PPPPPFPPP", func(_ *testing.T, s *site) { s.proxy.Instead = kmsKey + "-other" }, "encryption", kmsKey},
		{"key is unknown", "PPPPFSPSS", func(_ *testing.T, s *site) { s.proxy.Unknown = kmsKey }, "write", kmsKey},
		{"store does not say", "PPPPPSPPP", func(_ *testing.T, s *site) { s.d.Endpoint = server.Endpoint() }, "encryption", "ask whoever runs the store"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newSite(t)
			if tc.prepare != nil {
				tc.prepare(t, s)
			}
			opener := newOpener(t, server.STSEndpoint())
			tel, _ := telemetry()
			checker := &preflight.Checker{Destinations: destinations{d: s.d}, Buckets: opener, Roles: opener, Tel: tel}
			checks, err := checker.Check(t.Context(), "acme-daily", 1)
			if err != nil {
				t.Fatal(err)
			}
			if got := outcomes(checks); got != tc.want {
				t.Errorf("got %s, want %s: %+v", got, tc.want, checks)
			}
			if got := find(t, checks, tc.check); !strings.Contains(got.Fix, tc.fix) || (got.Fix == "") != (tc.fix == "") || got.Message == "" {
				t.Errorf("%s says %q and %q, want a fix with %q", tc.check, got.Message, got.Fix, tc.fix)
			}
			if s.d.Bucket = strings.TrimSuffix(s.d.Bucket, "-other"); len(s.left(t)) != 0 {
				t.Errorf("%v is left behind", s.left(t))
			}
			for _, check := range checks {
				if strings.Contains(check.Message+check.Fix, secretKey) || strings.Contains(check.Message, externalID) {
					t.Errorf("%s shows a credential: %+v", check.Name, check)
				}
			}
		})
	}
}

// setRole gives the site's role another trust policy.
func setRole(t *testing.T, s *site, id string) {
	t.Helper()
	if err := server.CreateRole(objectstore.Role{ARN: s.d.Role, ExternalID: id}); err != nil {
		t.Fatal(err)
	}
}

func TestProbeThatCannotBeDeletedIsNamed(t *testing.T) {
	s := newSite(t)
	s.grant(t, s.d.Role, without("s3:DeleteObject")...)
	opener := newOpener(t, server.STSEndpoint())
	tel, recorder := telemetry()
	checks, err := (&preflight.Checker{Destinations: destinations{d: s.d}, Buckets: opener, Roles: opener, Tel: tel}).Check(t.Context(), "acme-daily", 7)
	if err != nil {
		t.Fatal(err)
	}
	left, got := s.left(t), find(t, checks, "delete")
	if len(left) != 1 || !strings.HasPrefix(left[0], "analytics-export/_preflight/") || !strings.Contains(got.Message, "s3://"+s.d.Bucket+"/"+left[0]) {
		t.Errorf("left %v, said %q: want the one object named", left, got.Message)
	}
	if outcomes(checks) != "PPPPPPPPF" || !strings.Contains(got.Fix, "s3:DeleteObject") {
		t.Errorf("got %s, fix %q", outcomes(checks), got.Fix)
	}
	span := recorder.Ended()[0]
	attributes := attribute.NewSet(span.Attributes()...)
	for key, want := range map[attribute.Key]attribute.Value{
		obs.KeyExportID: attribute.StringValue("acme-daily"), obs.KeyRevision: attribute.Int64Value(7), obs.KeyCustomerID: attribute.StringValue("acme"),
		obs.KeyBucket: attribute.StringValue(s.d.Bucket), obs.KeyFailedChecks: attribute.StringSliceValue([]string{"delete"}),
	} {
		if got, _ := attributes.Value(key); span.Name() != obs.SpanCheck || got != want {
			t.Errorf("span %q: %s is %v, want %v", span.Name(), key, got, want)
		}
	}
}

func TestTokenServiceThatDoesNotAnswer(t *testing.T) {
	s := newSite(t)
	opener := newOpener(t, "http://127.0.0.1:1")
	tel, _ := telemetry()
	checks, err := (&preflight.Checker{Destinations: destinations{d: s.d}, Buckets: opener, Roles: opener, Tel: tel}).Check(t.Context(), "acme-daily", 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := find(t, checks, "assume_role"); outcomes(checks) != "FSSSSSSSS" || !strings.Contains(got.Fix, "try again") {
		t.Errorf("got %s, %+v, want to be told to try again", outcomes(checks), got)
	}
	if got := find(t, checks, "delete").Message; !strings.Contains(got, "assume_role") {
		t.Errorf("a skipped check says %q, want the failed one named", got)
	}
}

func TestWithoutARevisionThereIsNoAnswer(t *testing.T) {
	tel, _ := telemetry()
	missing := fault.New(fault.NotFound, fault.ReasonNotFound, "there is no revision")
	checks, err := (&preflight.Checker{Destinations: destinations{err: missing}, Tel: tel}).Check(t.Context(), "acme-daily", 1)
	if !errors.Is(err, missing) || checks != nil {
		t.Errorf("got %v, %v, want the fault", checks, err)
	}
}

// TestTrustPoliciesThatOnlyLookRight have a condition, but not the one that keeps others out.
func TestTrustPoliciesThatOnlyLookRight(t *testing.T) {
	denied := fault.New(fault.Denied, fault.ReasonBucketRoleDenied, "denied")
	for name, tc := range map[string]struct {
		admits func(id string) bool
		want   string
	}{
		"only the id":              {func(id string) bool { return id == externalID }, "PPPPPSPPP"},
		"the id where one is sent": {func(id string) bool { return id == externalID || id == "" }, "PFPPPSPPP"},
		"any id":                   {func(id string) bool { return id != "" }, "PFPPPSPPP"},
	} {
		t.Run(name, func(t *testing.T) {
			try := trying(func(id string) error {
				if tc.admits(id) {
					return nil
				}
				return denied
			})
			tel, _ := telemetry()
			d := bucket.Destination{Owner: owner, Role: "arn:aws:iam::" + owner + ":role/x", ExternalID: externalID}
			checker := &preflight.Checker{Destinations: destinations{d: d}, Buckets: membucket.New(owner), Roles: try, Tel: tel}
			checks, err := checker.Check(t.Context(), "acme-daily", 1)
			if err != nil || outcomes(checks) != tc.want {
				t.Errorf("got %s, %v, want %s", outcomes(checks), err, tc.want)
			}
		})
	}
}

// trying assumes roles by a function.
type trying func(id string) error

func (f trying) TryRole(_ context.Context, _ bucket.Destination, id string) error { return f(id) }

// odd is a store that does not behave: what is set replaces what membucket does.
type odd struct {
	bucket.Bucket
	put  func() error
	get  func() ([]byte, string, error)
	mute bool
}

func (o odd) PutNew(ctx context.Context, key string, data []byte) error {
	if err := o.Bucket.PutNew(ctx, key, data); err != nil || o.put == nil {
		return err
	}
	return o.put()
}

func (o odd) Get(ctx context.Context, key string) ([]byte, string, error) {
	if o.get == nil {
		return o.Bucket.Get(ctx, key)
	}
	return o.get()
}

func (o odd) Encryption(ctx context.Context, key string) (bucket.Encryption, error) {
	if o.mute {
		return bucket.Encryption{}, nil
	}
	return o.Bucket.Encryption(ctx, key)
}

// opening opens stores by a function.
type opening func(d bucket.Destination) bucket.Bucket

func (o opening) Open(d bucket.Destination) bucket.Bucket { return o(d) }

func TestStoresThatDoNotBehave(t *testing.T) {
	lost := fault.New(fault.Unavailable, fault.ReasonBucketUnavailable, "not answering")
	for name, tc := range map[string]struct {
		change func(o *odd, d *bucket.Destination, stop context.CancelFunc)
		want   string
	}{
		"ignores who should own":    {func(_ *odd, d *bucket.Destination, _ context.CancelFunc) { d.Owner = owner }, "SSPFPPPPP"},
		"returns other bytes":       {func(o *odd, _ *bucket.Destination, _ context.CancelFunc) { o.get = other }, "SSPPPPPFP"},
		"AWS does not say":          {func(o *odd, _ *bucket.Destination, _ context.CancelFunc) { o.mute = true }, "SSPPPFPPP"},
		"answer to a write is lost": {func(o *odd, _ *bucket.Destination, _ context.CancelFunc) { o.put = func() error { return lost } }, "SSPPFSPSS"},
		"caller goes after the write": {func(o *odd, _ *bucket.Destination, stop context.CancelFunc) {
			o.put = func() error { stop(); return nil }
		}, "SSPPPSSSS"},
	} {
		t.Run(name, func(t *testing.T) {
			store := membucket.New(owner)
			tel, _ := telemetry()
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			open := func(d bucket.Destination) bucket.Bucket {
				var o odd
				tc.change(&o, &d, stop)
				o.Bucket = store.Open(d)
				return o
			}
			d := bucket.Destination{Owner: owner, KMSKey: kmsKey}
			checks, err := (&preflight.Checker{Destinations: destinations{d: d}, Buckets: opening(open), Tel: tel}).Check(ctx, "acme-daily", 1)
			if err != nil {
				t.Fatal(err)
			}
			if got := outcomes(checks); got != tc.want {
				t.Errorf("got %s, want %s: %+v", got, tc.want, checks)
			}
			if got := find(t, checks, "bucket_owner_is_enforced"); got.Outcome == preflight.Failed && !strings.Contains(got.Fix, "another destination") {
				t.Errorf("a store that ignores the owner is to be mended by %q, want it left", got.Fix)
			}
			if left, err := store.Open(d).List(t.Context(), ""); err != nil || len(left) != 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func other() ([]byte, string, error) { return []byte("other"), "", nil }
