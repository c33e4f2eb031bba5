package app_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/customer-exports/exports/pkg/conf"
	"github.com/customer-exports/exports/services/delivery/app"
)

func TestExampleShowsTheDefaults(t *testing.T) {
	path, err := filepath.Abs("../example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got, err := conf.Load[app.Config](path, "EXPORTS_DELIVERY_TEST")
	if err != nil {
		t.Fatal(err)
	}
	var want app.Config
	want.Defaults()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("example.yaml differs from the defaults (-defaults +example):\n%s", diff)
	}
}

func TestValidateNamesEveryFault(t *testing.T) {
	var c app.Config
	c.S3.AccessKeyFile = "x"
	err := c.Validate()
	for _, setting := range []string{"listen", "config_address", "planner_address", "nats.url", "s3.secret_key_file", "s3.sts_region", "commit.ack_wait", "commit.attempts", "memory_limit_bytes"} {
		if err == nil || !strings.Contains(err.Error(), setting) {
			t.Errorf("Validate: got %v, want a fault of %s", err, setting)
		}
	}
}
