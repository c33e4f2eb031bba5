package bucket

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/customer-exports/exports/deploy/local/objectstore"
	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
)

const (
	owner      = "111122223333"
	roleARN    = "arn:aws:iam::" + owner + ":role/analytics-export"
	externalID = "K7P2QWERTYUIOPASDFGHJKLZXCVBNM23"
)

// startStore is a server whose bucket holds one file and lets only a role in, which may write too.
func startStore(t *testing.T) *objectstore.Server {
	t.Helper()
	// Not t.TempDir: the server's working directory is its root until it is closed.
	root, err := os.MkdirTemp("", "slamonitor-")
	if err != nil {
		t.Fatal(err)
	}
	server, err := objectstore.Start(t.Context(), objectstore.Config{
		Root: root, Listen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler),
		Admin: objectstore.Account{AccessKey: owner, SecretKey: "admin-secret", Owner: owner},
		Users: []objectstore.User{{AccessKey: "reader", SecretKey: "reader-secret"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		_ = os.RemoveAll(root)
	})
	if err := server.CreateRole(objectstore.Role{ARN: roleARN, ExternalID: externalID}); err != nil {
		t.Fatal(err)
	}
	if err := server.CreateBucket(t.Context(), "acme-data", []objectstore.Grant{{RoleARN: roleARN, Write: true}}); err != nil {
		t.Fatal(err)
	}
	admin := s3.New(s3.Options{
		Region: objectstore.Region, BaseEndpoint: aws.String(server.Endpoint()), UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(owner, "admin-secret", ""),
	})
	if _, err := admin.PutObject(t.Context(), put(drop.Prefix+"file")); err != nil {
		t.Fatal(err)
	}
	return server
}

func put(key string) *s3.PutObjectInput {
	return &s3.PutObjectInput{Bucket: aws.String("acme-data"), Key: &key, Body: strings.NewReader("rows")}
}

func TestRoleIsReadByAndNeverWrittenBy(t *testing.T) {
	server := startStore(t)
	opener, err := NewOpener(Keys{AccessKey: "reader", SecretKey: "reader-secret"}, STS{Endpoint: server.STSEndpoint(), Region: objectstore.Region})
	if err != nil {
		t.Fatal(err)
	}
	place := Place{
		Bucket: "acme-data", Region: objectstore.Region, Endpoint: server.Endpoint(), Owner: owner, Role: roleARN, ExternalID: externalID, Customer: "acme",
	}
	reader := opener.Open(place)
	keys, err := reader.List(t.Context(), drop.Prefix)
	if err != nil || len(keys) != 1 {
		t.Fatalf("List: got %v, %v, want one key", keys, err)
	}
	body, err := reader.Get(t.Context(), keys[0])
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if text, err := io.ReadAll(body); err != nil || string(text) != "rows" {
		t.Errorf("Get: got %q, %v, want rows", text, err)
	}
	if _, err := reader.Get(t.Context(), drop.Prefix+"ghost"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Get of nothing: got %v, want ErrNotFound", err)
	}
	_, err = reader.client.PutObject(t.Context(), put(drop.Prefix+"other"))
	if api := smithy.APIError(nil); !errors.As(err, &api) || api.ErrorCode() != "AccessDenied" {
		t.Errorf("writing in the monitor's session: got %v, want AccessDenied although the role may", err)
	}

	own, foreign := place, place
	own.Role, foreign.ExternalID = "", "ANOTHERCUSTOMERSEXTERNALID"
	if _, err := opener.Open(own).List(t.Context(), drop.Prefix); err == nil {
		t.Error("the monitor's own key lists a bucket that lets only the role in")
	}
	if _, err := opener.Open(foreign).List(t.Context(), drop.Prefix); fault.ReasonOf(err) != fault.ReasonBucketRoleDenied {
		t.Errorf("with another external id: got %v, want BUCKET_ROLE_DENIED", err)
	}
}
