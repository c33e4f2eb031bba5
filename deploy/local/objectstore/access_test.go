package objectstore_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.uber.org/goleak"

	"github.com/customer-exports/exports/deploy/local/objectstore"
)

func TestAccess(t *testing.T) {
	srv := start(t, config(t))
	writer, reader := client(t, srv, "writer"), client(t, srv, "reader")
	const key = objectstore.Prefix + "file"
	if err := put(t.Context(), writer, key, "rows"); err != nil {
		t.Fatal(err)
	}
	if err := put(t.Context(), client(t, srv, owner), "private", "rows"); err != nil {
		t.Fatal(err)
	}
	get := func(c *s3.Client, key, owner string) func(context.Context) error {
		return func(ctx context.Context) error {
			got, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: &key, ExpectedBucketOwner: &owner})
			if err == nil {
				err = got.Body.Close()
			}
			return err
		}
	}
	list := func(c *s3.Client, prefix string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := c.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String(bucket), Prefix: &prefix})
			return err
		}
	}
	remove := func(c *s3.Client, key string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := c.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: &key})
			return err
		}
	}
	write := func(c *s3.Client, key string) func(context.Context) error {
		return func(ctx context.Context) error { return put(ctx, c, key, "x") }
	}
	for _, tc := range []struct {
		name string
		do   func(context.Context) error
		want string
	}{
		{"reader reads", get(reader, key, owner), ""},
		{"another owner expected", get(reader, key, "999999999999"), "AccessDenied"},
		{"reader writes", write(reader, objectstore.Prefix+"x"), "AccessDenied"},
		{"reader deletes", remove(reader, key), "AccessDenied"},
		{"reader reads outside the prefix", get(reader, "private", owner), "AccessDenied"},
		{"reader lists the whole bucket", list(reader, ""), "AccessDenied"},
		{"writer lists below the prefix", list(writer, objectstore.Prefix+"DIM_DATES/"), ""},
		{"writer lists outside the prefix", list(writer, "pri"), "AccessDenied"},
		{"writer writes outside the prefix", write(writer, "elsewhere"), "AccessDenied"},
		{"writer deletes outside the prefix", remove(writer, "private"), "AccessDenied"},
		{"writer deletes", remove(writer, key), ""},
		{"unknown key", write(client(t, srv, "stranger"), objectstore.Prefix+"x"), "InvalidAccessKeyId"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := tc.do(t.Context())
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || code(err) != tc.want) {
				t.Errorf("got %v, want code %q", err, tc.want)
			}
		})
	}
}

func TestCreateBucketAgainReplacesGrants(t *testing.T) {
	srv := start(t, config(t))
	writer := client(t, srv, "writer")
	if err := srv.CreateBucket(t.Context(), bucket, nil); err != nil {
		t.Fatal(err)
	}
	if err := put(t.Context(), writer, objectstore.Prefix+"x", "x"); code(err) != "AccessDenied" {
		t.Errorf("without grants the writer gets %v, want AccessDenied", err)
	}
}

func TestOneServerPerProcess(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent(),
		// The HTTP server's cleaner of idle workers sleeps ten seconds before it looks whether it should end.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		// Its clock for the header Date is the process's, from the first answer on.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"))
	before, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	first, err := objectstore.Start(t.Context(), config(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := objectstore.Start(t.Context(), config(t)); !errors.Is(err, objectstore.ErrRunning) {
		t.Errorf("a second start answers %v, want ErrRunning", err)
	}
	if err := errors.Join(first.Close(), first.Close()); err != nil {
		t.Fatal(err)
	}
	if after, err := os.Getwd(); err != nil || after != before {
		t.Errorf("working directory is %s, %v; want %s", after, err, before)
	}
	again, err := objectstore.Start(t.Context(), config(t))
	if err != nil {
		t.Fatalf("starting after a close: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestStartRefuses(t *testing.T) {
	for name, change := range map[string]func(*objectstore.Config){
		"no root":        func(c *objectstore.Config) { c.Root = "" },
		"open to all":    func(c *objectstore.Config) { c.Listen = "0.0.0.0:0" },
		"no port":        func(c *objectstore.Config) { c.Listen = "127.0.0.1" },
		"owner is a key": func(c *objectstore.Config) { c.Admin.Owner = "root" },
		"key twice":      func(c *objectstore.Config) { c.Users = append(c.Users, c.Users[0]) },
		"no secret":      func(c *objectstore.Config) { c.Users[0].SecretKey = "" },
		"no logger":      func(c *objectstore.Config) { c.Logger = nil },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(t)
			change(&cfg)
			if srv, err := objectstore.Start(t.Context(), cfg); err == nil {
				t.Errorf("started, want an error; closing: %v", srv.Close())
			}
		})
	}
}
