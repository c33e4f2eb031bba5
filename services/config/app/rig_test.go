package app_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/customer-exports/exports/pkg/obs"
	"github.com/customer-exports/exports/pkg/rpc"
	commonv1 "github.com/customer-exports/exports/proto/exports/common/v1"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	sourcev1 "github.com/customer-exports/exports/proto/exports/source/v1"
	"github.com/customer-exports/exports/services/config/app"
)

// memPeers plays extractor and delivery: it knows the brands of names, and every location that begins with "loc-".
type memPeers struct {
	sourcev1.UnimplementedSourceServiceServer
	deliveryv1.UnimplementedDestinationServiceServer
}

var brands = []string{"Bella Pizza", "Nova Fitness"}

func (memPeers) CheckScope(_ context.Context, q *sourcev1.CheckScopeRequest) (*sourcev1.CheckScopeResponse, error) {
	return &sourcev1.CheckScopeResponse{
		UnknownBrands:      slices.DeleteFunc(slices.Clone(q.GetBrands()), func(b string) bool { return slices.Contains(brands, b) }),
		UnknownLocationIds: slices.DeleteFunc(slices.Clone(q.GetLocationIds()), func(id string) bool { return strings.HasPrefix(id, "loc-") }),
	}, nil
}

func (memPeers) DescribeTables(_ context.Context, q *sourcev1.DescribeTablesRequest) (*sourcev1.DescribeTablesResponse, error) {
	answer := &sourcev1.DescribeTablesResponse{}
	for _, name := range q.GetTables() {
		answer.Tables = append(answer.Tables, &sourcev1.SourceTable{Table: name})
	}
	return answer, nil
}

func (memPeers) CheckDestination(context.Context, *deliveryv1.CheckDestinationRequest) (*deliveryv1.CheckDestinationResponse, error) {
	check := &commonv1.Check{Name: "write", Outcome: commonv1.CheckOutcome_CHECK_OUTCOME_PASSED, Message: "a probe object was written"}
	return &deliveryv1.CheckDestinationResponse{Checks: []*commonv1.Check{check}}, nil
}

// clients speak to one running config service over the wire.
type clients struct {
	configv1.ConfigServiceClient
	revisions  configv1.RevisionServiceClient
	contracts  configv1.ContractServiceClient
	dictionary configv1.DictionaryServiceClient
	audits     configv1.AuditServiceClient
	conn       *grpc.ClientConn
}

// start runs the service as configd does, with peers of its own.
func start(t testing.TB, url string) clients {
	t.Helper()
	tel, err := obs.Setup(t.Context(), obs.Config{Service: "test", LogLevel: "error"}, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	var cfg app.Config
	cfg.Defaults()
	cfg.Listen, cfg.NATS.URL, cfg.Telemetry.LogLevel = "127.0.0.1:0", url, "error"
	cfg.ExtractorAddress = servePeers(t, tel)
	cfg.DeliveryAddress = cfg.ExtractorAddress
	service, err := app.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	background(t, service.Run)
	conn, err := rpc.Dial(service.Addr(), tel)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return clients{
		ConfigServiceClient: configv1.NewConfigServiceClient(conn), revisions: configv1.NewRevisionServiceClient(conn), contracts: configv1.NewContractServiceClient(conn),
		dictionary: configv1.NewDictionaryServiceClient(conn), audits: configv1.NewAuditServiceClient(conn), conn: conn,
	}
}

func servePeers(t testing.TB, tel *obs.Telemetry) string {
	t.Helper()
	peers := rpc.NewServer(tel)
	sourcev1.RegisterSourceServiceServer(peers.Registrar(), memPeers{})
	deliveryv1.RegisterDestinationServiceServer(peers.Registrar(), memPeers{})
	address, err := peers.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	background(t, func(ctx context.Context) error { return peers.Serve(ctx, "") })
	return address
}

// background runs until the test ends.
func background(t testing.TB, run func(context.Context) error) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("run ended with %v", err)
		}
	})
}

const (
	author = "op@example.com"
	second = "second@example.com"
)

func customer(id string) *configv1.CreateCustomerRequest {
	return &configv1.CreateCustomerRequest{CustomerId: id, DisplayName: "The " + id, Author: author, Reason: "onboarding"}
}

func request() *configv1.CreateExportRequest {
	return &configv1.CreateExportRequest{ExportId: "acme-daily", CustomerId: "acme", Author: author, Reason: "onboarding", Spec: spec("acme")}
}

func spec(customerID string) *configv1.ExportSpec {
	return &configv1.ExportSpec{
		Tables:      []*configv1.TableSelection{{Table: "FACT_REVIEWS"}},
		Scope:       &commonv1.Scope{Brands: []string{"Bella Pizza"}, LocationIds: []string{"loc-" + customerID}},
		Schedule:    &configv1.Schedule{TimeOfDay: "02:00", TimeZone: "Europe/Berlin"},
		Destination: &configv1.Destination{Bucket: customerID + "-data", Region: "us-east-1", ExpectedBucketOwner: "123456789012"},
	}
}

// onboard creates customer and export, and has its first revision approved.
func (c clients) onboard(t testing.TB) *configv1.Export {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err := c.CreateCustomer(ctx, customer("acme")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.CreateExport(ctx, request()); err != nil {
		t.Fatal(err)
	}
	answer, err := c.revisions.ApproveRevision(ctx, &configv1.ApproveRevisionRequest{
		ExportId: "acme-daily", Revision: 1, Approver: second, Reason: "as agreed",
	})
	if err != nil {
		t.Fatal(err)
	}
	return answer.GetExport()
}
