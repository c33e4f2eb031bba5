package app_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/customer-exports/exports/pkg/bus/bustest"
	"github.com/customer-exports/exports/pkg/conf"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	"github.com/customer-exports/exports/pkg/rpc"
	commonv1 "github.com/customer-exports/exports/proto/exports/common/v1"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/app"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestExampleHoldsTheDefaults(t *testing.T) {
	got, err := conf.Load[app.Config](filepath.Join("..", "example.yaml"), "EXPORTS_CONFIG_TEST")
	if err != nil {
		t.Fatal(err)
	}
	var want app.Config
	want.Defaults()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("example.yaml (-defaults +example):\n%s", diff)
	}
}

func TestConfigNamesEveryFault(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(path, []byte("listen: \"\"\nnats: {url: \"\", replicas: 9}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := conf.Load[app.Config](path, "EXPORTS_CONFIG_TEST")
	if err == nil {
		t.Fatal("a config without listen and nats.url is accepted")
	}
	want := "checking config file " + path + ": listen is missing: set it in the config file; " +
		"nats.url is missing: set it in the config file; nats.replicas must be 1 to 5, or 0 for 1"
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

// start runs the service as configd does and returns a client that speaks to it over the wire.
func start(t *testing.T, url string) configv1.ConfigServiceClient {
	t.Helper()
	var cfg app.Config
	cfg.Defaults()
	cfg.Listen, cfg.NATS.URL, cfg.Telemetry.LogLevel = "127.0.0.1:0", url, "error"
	service, err := app.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- service.Run(ctx) }()
	tel, err := obs.Setup(t.Context(), obs.Config{Service: "test"}, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := rpc.Dial(service.Addr(), tel)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		stop()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
		if err := tel.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return configv1.NewConfigServiceClient(conn)
}

func request() *configv1.CreateExportRequest {
	return &configv1.CreateExportRequest{
		ExportId: "acme-daily", CustomerId: "acme", Author: "op@example.com", Reason: "onboarding",
		Spec: &configv1.ExportSpec{
			Tables:      []*configv1.TableSelection{{Table: "FACT_REVIEWS"}},
			Scope:       &commonv1.Scope{Brands: []string{"Bella Pizza"}, LocationIds: []string{"loc-1"}},
			Schedule:    &configv1.Schedule{TimeOfDay: "02:00", TimeZone: "Europe/Berlin"},
			Destination: &configv1.Destination{Bucket: "acme-data", Region: "us-east-1", ExpectedBucketOwner: "123456789012"},
		},
	}
}

// TestOnboarding is an operator's day: customer, export, a change, a mistake; then a second instance sees the same.
func TestOnboarding(t *testing.T) {
	url := bustest.Start(t)
	c := start(t, url)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err := c.CreateCustomer(ctx, &configv1.CreateCustomerRequest{CustomerId: "acme", DisplayName: "Acme"}); err != nil {
		t.Fatal(err)
	}
	created, err := c.CreateExport(ctx, request())
	if err != nil {
		t.Fatal(err)
	}
	change := &configv1.UpdateExportRequest{
		ExportId: "acme-daily", Spec: request().GetSpec(), Etag: created.GetExport().GetEtag(), Author: "op@example.com", Reason: "shorter window",
	}
	change.Spec.RetentionDays = 7
	updated, err := c.UpdateExport(ctx, change)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.UpdateExport(ctx, change); fault.KindOf(err) != fault.State || fault.ReasonOf(err) != fault.ReasonStaleEtag {
		t.Errorf("a second change with the same etag = %v, want STALE_ETAG", err)
	}
	other := start(t, url)
	listed, err := other.ListExports(ctx, &configv1.ListExportsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]*configv1.Export{updated.GetExport()}, listed.GetExports(), protocmp.Transform()); diff != "" {
		t.Errorf("exports seen by another instance (-updated +listed):\n%s", diff)
	}
	first, err := other.GetRevision(ctx, &configv1.GetRevisionRequest{ExportId: "acme-daily", Revision: 1})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(created.GetExport().GetRevision(), first.GetRevision(), protocmp.Transform()); diff != "" || first.GetCustomer().GetDisplayName() != "Acme" {
		t.Errorf("customer %v, revision 1 (-created +got):\n%s", first.GetCustomer(), diff)
	}
}

func TestFaultsCrossTheWire(t *testing.T) {
	c := start(t, bustest.Start(t))
	q := request()
	q.CustomerId, q.Spec.Tables[0].Table = "nobody", "FACT_REVIEW"
	_, err := c.CreateExport(t.Context(), q)
	refused, ok := fault.Of(err)
	if !ok || refused.Kind != fault.Invalid || len(refused.Violations) != 2 {
		t.Fatalf("CreateExport = %v, want two violations", err)
	}
	want := []fault.Violation{
		{Field: "customer_id", Description: `there is no customer "nobody": create it first`},
		{Field: "spec.tables[0].table", Description: `unknown table "FACT_REVIEW": did you mean FACT_REVIEWS?`},
	}
	if diff := cmp.Diff(want, refused.Violations); diff != "" {
		t.Errorf("violations (-want +got):\n%s", diff)
	}
	if _, err := c.GetExport(t.Context(), &configv1.GetExportRequest{ExportId: "nothing"}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("GetExport = %v, want a fault of kind NOT_FOUND", err)
	}
}
