package stack_test

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"

	commonv1 "github.com/customer-exports/exports/proto/exports/common/v1"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"

	"github.com/customer-exports/exports/deploy/local/stack"
)

const externalID = "K7P2QWERTYUIOPASDFGHJKLZXCVBNM23"

// TestDestinationIsAsDeliveryWantsIt onboards a customer whose bucket lets only its role in.
func TestDestinationIsAsDeliveryWantsIt(t *testing.T) {
	dir, now := t.TempDir(), time.Now().UTC().Truncate(24*time.Hour)
	s, err := stack.Start(t.Context(), stack.Config{
		Dir: dir, Scale: 0.001, RestateTime: now, CreateTime: now.AddDate(0, 0, -30), WarehouseDB: filepath.Join(dir, "warehouse.duckdb"),
		Without: []string{"planner", "extractor", "slamonitor"}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // a stack stopped while services still prepare has tests of its own
	d, err := s.CreateDestination(t.Context(), "acme-data", externalID)
	if err != nil {
		t.Fatal(err)
	}
	d.ExternalId = externalID
	onboard(t, s, d)
	answer, err := deliveryv1.NewDestinationServiceClient(dial(t, s.Ports.Delivery)).
		CheckDestination(t.Context(), &deliveryv1.CheckDestinationRequest{ExportId: "acme-daily", Revision: 1})
	if err != nil {
		t.Fatal(err)
	}
	if len(answer.GetChecks()) != 9 {
		t.Errorf("%d checks, want 9", len(answer.GetChecks()))
	}
	for _, check := range answer.GetChecks() {
		want := commonv1.CheckOutcome_CHECK_OUTCOME_PASSED
		if check.GetName() == "encryption" {
			want = commonv1.CheckOutcome_CHECK_OUTCOME_SKIPPED
		}
		if check.GetOutcome() != want {
			t.Errorf("got %v, want %s", check, want)
		}
	}
}

func onboard(t *testing.T, s *stack.Stack, d *configv1.Destination) {
	t.Helper()
	configs := configv1.NewConfigServiceClient(dial(t, s.Ports.Config))
	const author, reason = "operator@localhost", "onboarding"
	_, err := configs.CreateCustomer(t.Context(), &configv1.CreateCustomerRequest{CustomerId: "acme", DisplayName: "Acme", Author: author, Reason: reason})
	if err != nil {
		t.Fatal(err)
	}
	_, err = configs.CreateExport(t.Context(), &configv1.CreateExportRequest{
		ExportId: "acme-daily", CustomerId: "acme", Author: author, Reason: reason,
		Spec: &configv1.ExportSpec{
			Scope: &commonv1.Scope{Brands: []string{"corner bistro"}, LocationIds: []string{"loc-1"}}, Schedule: &configv1.Schedule{TimeOfDay: "05:00", TimeZone: "UTC"},
			Tables: []*configv1.TableSelection{{Table: "DIM_DATES"}}, Destination: d,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func dial(t *testing.T, port int) *grpc.ClientConn {
	t.Helper()
	conn, err := stack.Dial(port)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}
