package role_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/role"
)

// memSTS answers as AWS spells it. What is right about roles is tested against the local STS, in the services.
type memSTS struct {
	status int
	code   string
	lasts  time.Duration

	mu    sync.Mutex
	calls []url.Values
}

func (m *memSTS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls = append(m.calls, r.PostForm)
	w.Header().Set("Content-Type", "text/xml")
	if m.status != 0 {
		w.WriteHeader(m.status)
		_, _ = fmt.Fprintf(w, `<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>refused</Message></Error></ErrorResponse>`, m.code)
		return
	}
	_, _ = fmt.Fprintf(w, `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA%d</AccessKeyId><SecretAccessKey>s</SecretAccessKey>`+
		`<SessionToken>t</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
		len(m.calls), time.Now().Add(m.lasts).UTC().Format(time.RFC3339))
}

var target = role.Target{
	ARN: "arn:aws:iam::111122223333:role/analytics-export", ExternalID: "K7P2QWERTYUIOPASDFGH", CustomerID: "acme",
	Bucket: "acme-data", Region: "eu-central-1",
}

func start(t *testing.T, m *memSTS, access role.Access) *role.Assumer {
	t.Helper()
	server := httptest.NewServer(m)
	t.Cleanup(server.Close)
	return role.New(role.Config{
		Service: "delivery", Access: access, Endpoint: server.URL, Region: "us-east-1", HTTP: server.Client(),
		Keys: credentials.NewStaticCredentialsProvider("key", "secret", ""),
	})
}

func TestOneSessionForAllWhoAskAtOnce(t *testing.T) {
	t.Parallel()
	m := &memSTS{lasts: 30 * time.Minute}
	assumer := start(t, m, role.Write)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if keys, err := assumer.Credentials(target).Retrieve(t.Context()); err != nil || keys.AccessKeyID != "ASIA1" {
				t.Errorf("got %s, %v, want ASIA1", keys.AccessKeyID, err)
			}
		})
	}
	group.Wait()
	other := target
	other.Bucket = "other-data"
	if _, err := assumer.Credentials(other).Retrieve(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(m.calls) != 2 {
		t.Fatalf("%d calls, want one for each bucket", len(m.calls))
	}
	for name, want := range map[string]string{
		"Action": "AssumeRole", "RoleArn": target.ARN, "ExternalId": target.ExternalID, "RoleSessionName": "delivery-acme", "DurationSeconds": "1800",
	} {
		if got := m.calls[0].Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestSessionIsRenewedBeforeItEnds(t *testing.T) {
	t.Parallel()
	m := &memSTS{lasts: 4 * time.Minute}
	keys := start(t, m, role.Write).Credentials(target)
	for range 2 {
		if _, err := keys.Retrieve(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(m.calls) != 2 {
		t.Errorf("%d calls, want a new session while the old one still lasts four minutes", len(m.calls))
	}
}

func TestNeverWithoutAnExternalIDButInTry(t *testing.T) {
	t.Parallel()
	m := &memSTS{lasts: time.Hour}
	assumer := start(t, m, role.Write)
	open := target
	open.ExternalID = ""
	if _, err := assumer.Credentials(open).Retrieve(t.Context()); fault.ReasonOf(err) != fault.ReasonBucketRoleDenied || len(m.calls) != 0 {
		t.Errorf("Retrieve: got %v after %d calls, want BUCKET_ROLE_DENIED after none", err, len(m.calls))
	}
	for range 2 {
		if err := assumer.Try(t.Context(), open); err != nil {
			t.Errorf("Try: %v", err)
		}
	}
	if len(m.calls) != 2 || m.calls[0].Has("ExternalId") {
		t.Errorf("Try: %v, want two calls without an external id", m.calls)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		status int
		code   string
		kind   fault.Kind
		reason fault.Reason
	}{
		{http.StatusForbidden, "AccessDenied", fault.Denied, fault.ReasonBucketRoleDenied},
		{http.StatusForbidden, "InvalidClientTokenId", fault.Denied, fault.ReasonBucketDenied},
		{http.StatusForbidden, "SignatureDoesNotMatch", fault.Denied, fault.ReasonBucketDenied},
		{http.StatusForbidden, "RegionDisabledException", fault.Denied, fault.ReasonBucketRoleDenied},
		{http.StatusBadRequest, "ValidationError", fault.State, fault.ReasonBucketRoleDenied},
		{http.StatusBadRequest, "Throttling", fault.Unavailable, fault.ReasonBucketUnavailable},
		{http.StatusServiceUnavailable, "ServiceUnavailable", fault.Unavailable, fault.ReasonBucketUnavailable},
	} {
		t.Run(test.code, func(t *testing.T) {
			t.Parallel()
			assumer := start(t, &memSTS{status: test.status, code: test.code}, role.Write)
			_, err := assumer.Credentials(target).Retrieve(t.Context())
			for call, err := range map[string]error{"Retrieve": err, "Try": assumer.Try(t.Context(), target)} {
				if fault.KindOf(err) != test.kind || fault.ReasonOf(err) != test.reason {
					t.Errorf("%s: got %v (%s %s), want %s %s", call, err, fault.KindOf(err), fault.ReasonOf(err), test.kind, test.reason)
				}
				if strings.Contains(err.Error(), target.ExternalID) {
					t.Errorf("%s names the external id: %v", call, err)
				}
			}
		})
	}
}

func TestClientOfTheSDK(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(&memSTS{lasts: time.Hour})
	t.Cleanup(server.Close)
	assumer := role.New(role.Config{Service: "slamonitor", Endpoint: server.URL, Region: "us-east-1", Keys: credentials.NewStaticCredentialsProvider("key", "secret", "")})
	if _, err := assumer.Credentials(target).Retrieve(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestEndedContextIsWorthAnotherTry(t *testing.T) {
	t.Parallel()
	assumer := start(t, &memSTS{lasts: time.Hour}, role.Write)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := assumer.Try(ctx, target); !fault.Retryable(err) {
		t.Errorf("got %v, want a fault that may be retried", err)
	}
}

func TestSessionPolicyAllowsWhatIsNeeded(t *testing.T) {
	t.Parallel()
	keyed := target
	keyed.KMSKey, keyed.OwnerACL = "arn:aws:kms:eu-central-1:111122223333:key/k1", true
	china := target
	china.ARN = "arn:aws-cn:iam::111122223333:role/analytics-export"
	const objects, bucket = "arn:aws:s3:::acme-data/analytics-export/*", "arn:aws:s3:::acme-data"
	for name, test := range map[string]struct {
		access role.Access
		target role.Target
		want   []string
	}{
		"read": {role.Read, target, []string{"kms:Decrypt *", "s3:GetObject " + objects, "s3:ListBucket " + bucket}},
		"write": {role.Write, target, []string{
			"kms:Decrypt *", "kms:GenerateDataKey *", "s3:AbortMultipartUpload " + objects, "s3:DeleteObject " + objects,
			"s3:GetObject " + objects, "s3:ListBucket " + bucket, "s3:ListBucketMultipartUploads " + bucket, "s3:PutObject " + objects,
		}},
		"read with a key": {role.Read, keyed, []string{"kms:Decrypt " + keyed.KMSKey, "s3:GetObject " + objects, "s3:ListBucket " + bucket}},
		"write with key and ACL": {role.Write, keyed, []string{
			"kms:Decrypt " + keyed.KMSKey, "kms:GenerateDataKey " + keyed.KMSKey, "s3:AbortMultipartUpload " + objects, "s3:DeleteObject " + objects,
			"s3:GetObject " + objects, "s3:ListBucket " + bucket, "s3:ListBucketMultipartUploads " + bucket, "s3:PutObject " + objects, "s3:PutObjectAcl " + objects,
		}},
		"another partition": {role.Read, china, []string{
			"kms:Decrypt *", "s3:GetObject arn:aws-cn:s3:::acme-data/analytics-export/*", "s3:ListBucket arn:aws-cn:s3:::acme-data",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := &memSTS{lasts: time.Hour}
			if err := start(t, m, test.access).Try(t.Context(), test.target); err != nil {
				t.Fatal(err)
			}
			if got := allowed(t, m.calls[0].Get("Policy")); !slices.Equal(got, test.want) {
				t.Errorf("allows\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

// allowed lists action and resource of every statement, and checks the conditions.
func allowed(t *testing.T, policy string) []string {
	t.Helper()
	if len(policy) > 2048 {
		t.Errorf("the policy has %d bytes, AWS takes 2,048", len(policy))
	}
	var document struct {
		Version   string
		Statement []struct {
			Effect    string
			Action    []string
			Resource  string
			Condition map[string]map[string]string
		}
	}
	if err := json.Unmarshal([]byte(policy), &document); err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, s := range document.Statement {
		for _, action := range s.Action {
			all = append(all, action+" "+s.Resource)
			if action == "s3:ListBucket" && s.Condition["StringLike"]["s3:prefix"] != "analytics-export/*" {
				t.Errorf("listing is not held to the prefix: %v", s.Condition)
			}
			if via := s.Condition["StringEquals"]["kms:ViaService"]; strings.HasPrefix(action, "kms:") && !strings.HasPrefix(via, "s3.eu-central-1.amazonaws.com") {
				t.Errorf("%s is not held to S3: %v", action, s.Condition)
			}
		}
		if s.Effect != "Allow" {
			t.Errorf("effect %s, want Allow", s.Effect)
		}
	}
	slices.Sort(all)
	return all
}
