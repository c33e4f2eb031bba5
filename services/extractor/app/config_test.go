package app_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/customer-exports/exports/pkg/conf"
	"github.com/customer-exports/exports/services/extractor/app"
)

// example.yaml shows every setting with its default, so reading it changes only what has none.
func TestExample(t *testing.T) {
	got, err := conf.Load[app.Config]("../example.yaml", "EXPORTS_EXTRACTOR_TEST")
	if err != nil {
		t.Fatal(err)
	}
	var want app.Config
	want.Defaults()
	want.Source.Account, want.Source.User, want.Source.PasswordFile = "ACME-EXPORTS", "EXPORTER", "/run/secrets/source_password"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("example.yaml differs from the defaults (-default +example):\n%s", diff)
	}
}

func TestFaultsAtOnce(t *testing.T) {
	var cfg app.Config
	err := cfg.Validate()
	for _, setting := range []string{
		"listen", "nats.url", "config_address", "planner_address", "delivery_address", "concurrency", "max_attempts", "memory_limit_bytes", "ack_wait",
		"source.account", "source.user", "source.database", "source.schema", "source.protocol", "password_file", "stall_timeout", "fetch_concurrency",
	} {
		if err == nil || !strings.Contains(err.Error(), setting) {
			t.Errorf("%s is not named in: %v", setting, err)
		}
	}
}
