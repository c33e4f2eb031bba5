package app_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/customer-exports/exports/pkg/conf"
	"github.com/customer-exports/exports/services/slamonitor/app"
)

func TestExampleShowsTheDefaults(t *testing.T) {
	path, err := filepath.Abs("../example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got, err := conf.Load[app.Config](path, "EXPORTS_SLAMONITOR_TEST")
	if err != nil {
		t.Fatal(err)
	}
	var want app.Config
	want.Defaults()
	// The key has no default: a monitor without one could not read.
	want.S3.AccessKeyFile, want.S3.SecretKeyFile = "/run/secrets/reader_key", "/run/secrets/reader_secret"
	if got != want {
		t.Errorf("example.yaml says %+v, the defaults are %+v", got, want)
	}
}

func TestValidateNamesEveryFault(t *testing.T) {
	var c app.Config
	err := c.Validate()
	for _, setting := range []string{"listen", "config_address", "nats.url", "s3.access_key_file", "s3.secret_key_file", "s3.sts_region", "tick"} {
		if err == nil || !strings.Contains(err.Error(), setting) {
			t.Errorf("Validate: got %v, want a fault of %s", err, setting)
		}
	}
}
