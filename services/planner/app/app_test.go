package app

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/bus"
	"github.com/customer-exports/exports/pkg/bus/bustest"
	"github.com/customer-exports/exports/pkg/conf"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	"github.com/customer-exports/exports/pkg/rpc"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	sourcev1 "github.com/customer-exports/exports/proto/exports/source/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestExampleHoldsTheDefaults(t *testing.T) {
	var want Config
	want.Defaults()
	got, err := conf.Load[Config]("../example.yaml", "EXPORTS_PLANNER_TEST")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("example.yaml differs from the defaults (-want +got):\n%s", diff)
	}
}

func TestValidateNamesEveryFault(t *testing.T) {
	err := new(Config).Validate()
	for _, name := range []string{"listen", "config_address", "extractor_address", "nats.url", "tick", "part_target_rows"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("Validate() = %v, want %s named", err, name)
		}
	}
}

// memConfig is a config service that holds exports in memory.
type memConfig struct {
	configv1.UnimplementedConfigServiceServer
	exports []*configv1.Export
}

func (m memConfig) ListExports(context.Context, *configv1.ListExportsRequest) (*configv1.ListExportsResponse, error) {
	return &configv1.ListExportsResponse{Exports: m.exports}, nil
}

func (m memConfig) GetExport(_ context.Context, r *configv1.GetExportRequest) (*configv1.GetExportResponse, error) {
	for _, export := range m.exports {
		if export.GetExportId() == r.GetExportId() {
			return &configv1.GetExportResponse{Export: export}, nil
		}
	}
	return nil, fault.New(fault.NotFound, fault.ReasonNotFound, "no export %q", r.GetExportId())
}

// clients speak to a planner that runs, with a config service behind it.
type clients struct {
	runs    planv1.RunServiceClient
	reports planv1.ReportServiceClient
	events  jetstream.Stream
	source  *memSource
	// extractor speaks to the source's extractor.
	extractor sourcev1.SourceServiceClient
	date      string
}

func serve(t *testing.T) clients {
	t.Helper()
	url := bustest.Start(t)
	tel, err := obs.Setup(t.Context(), obs.Config{Service: "test", LogLevel: "error"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	yesterday := time.Now().UTC().AddDate(0, 0, -1).Format(time.DateOnly)
	peer := rpc.NewServer(tel)
	source, export := &memSource{}, daily("acme", yesterday, "DIM_DATES")
	export.PendingRevision = &configv1.Revision{Revision: 2, Spec: &configv1.ExportSpec{
		Tables:   []*configv1.TableSelection{{Table: "FACT_REVIEWS"}, {Table: "DIM_DATES"}},
		Schedule: &configv1.Schedule{TimeOfDay: "00:00", TimeZone: "UTC"},
	}}
	sourcev1.RegisterSourceServiceServer(peer.Registrar(), source)
	configv1.RegisterConfigServiceServer(peer.Registrar(), memConfig{exports: []*configv1.Export{export}})
	var cfg Config
	cfg.Defaults()
	cfg.Listen, cfg.NATS.URL, cfg.Telemetry.LogLevel = "127.0.0.1:0", url, "error"
	if cfg.ConfigAddress, err = peer.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	cfg.ExtractorAddress, cfg.PartTargetRows = cfg.ConfigAddress, 100
	service, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	background(t, func(ctx context.Context) error { return peer.Serve(ctx, "") })
	background(t, service.Run)
	conn, err := rpc.Dial(service.Addr(), tel)
	if err != nil {
		t.Fatal(err)
	}
	extractor, err := rpc.Dial(cfg.ExtractorAddress, tel)
	if err != nil {
		t.Fatal(err)
	}
	b, err := bus.Connect(t.Context(), bus.Config{URL: url}, "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close(); _ = conn.Close(); _ = extractor.Close() })
	events, err := b.JetStream().Stream(t.Context(), bus.StreamEvents)
	if err != nil {
		t.Fatal(err)
	}
	return clients{
		runs: planv1.NewRunServiceClient(conn), reports: planv1.NewReportServiceClient(conn), events: events, date: yesterday,
		source: source, extractor: sourcev1.NewSourceServiceClient(extractor),
	}
}

// daily is a customer's export with one drop to deliver, due a minute before the end of a date.
func daily(customer, date string, tables ...string) *configv1.Export {
	spec := &configv1.ExportSpec{StartDate: date, Schedule: &configv1.Schedule{TimeOfDay: "23:59", TimeZone: "UTC"}}
	for _, table := range tables {
		spec.Tables = append(spec.Tables, &configv1.TableSelection{Table: table})
	}
	return &configv1.Export{
		ExportId: customer + "-daily", CustomerId: customer,
		Terms:    []*configv1.Term{{Revision: 1, EffectiveTime: timestamppb.Now(), Owed: true}},
		Revision: &configv1.Revision{Revision: 1, Spec: spec},
	}
}

func start(export, date string) *planv1.StartRunRequest {
	return &planv1.StartRunRequest{ExportId: export, ExportDate: date, Author: "ann@example.com", Reason: "ticket 4711"}
}

// background runs f until the test ends.
func background(t testing.TB, f func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("ending: %v", err)
		}
	})
}

// TestRunOverTheWire drives one run from due to committed, as workers do, and one to quarantine.
func TestRunOverTheWire(t *testing.T) {
	c, ctx := serve(t), t.Context()
	started, err := c.runs.StartRun(ctx, start("acme-daily", c.date))
	if err != nil {
		t.Fatal(err)
	}
	id := started.GetRun().GetRef().GetRunId()
	if tp := started.GetRun().GetTraceparent(); !strings.Contains(tp, started.GetRun().GetTraceId()) || len(tp) != 55 {
		t.Errorf("traceparent %q does not hold trace id %q", tp, started.GetRun().GetTraceId())
	}
	if _, err := c.reports.ReportMeasurement(ctx, &planv1.ReportMeasurementRequest{
		RunId: id, Tables: []*planv1.TableMeasurement{{Table: "DIM_DATES"}},
	}); err != nil {
		t.Fatal(err)
	}
	receipt := &deliveryv1.Receipt{Table: "DIM_DATES", RowCount: 1}
	_, err = c.reports.ReportPart(ctx, &planv1.ReportPartRequest{RunId: id, Receipt: receipt})
	if fault.ReasonOf(err) != fault.ReasonRowCountMismatch || !fault.Retryable(err) {
		t.Errorf("a receipt of other rows: %v, want ROW_COUNT_MISMATCH, worth another attempt", err)
	}
	receipt.RowCount = 0
	part, err := c.reports.ReportPart(ctx, &planv1.ReportPartRequest{RunId: id, Receipt: receipt})
	if err != nil || !part.GetAccepted() {
		t.Fatalf("ReportPart = %v, %v", part, err)
	}
	if list, err := c.reports.ListReceipts(ctx, &planv1.ListReceiptsRequest{RunId: id}); err != nil || len(list.GetReceipts()) != 1 {
		t.Fatalf("ListReceipts = %v, %v", list, err)
	}
	if _, err := c.reports.ReportCommit(ctx, &planv1.ReportCommitRequest{RunId: id, ManifestKey: "manifest.json"}); err != nil {
		t.Fatal(err)
	}
	got, err := c.runs.GetRun(ctx, &planv1.GetRunRequest{RunId: id})
	if err != nil || got.GetRun().GetState() != planv1.RunState_RUN_STATE_COMMITTED {
		t.Errorf("GetRun = %v, %v; want committed", got, err)
	}
	for _, fact := range []string{"run.planned", "run.measured", "run.committed"} {
		if _, err := c.events.GetLastMsgForSubject(ctx, "event."+fact+".acme"); err != nil {
			t.Errorf("event %s: %v", fact, err)
		}
	}
}

func TestQuarantineOverTheWire(t *testing.T) {
	c, ctx := serve(t), t.Context()
	started, err := c.runs.StartRun(ctx, start("acme-daily", c.date))
	if err != nil {
		t.Fatal(err)
	}
	id := started.GetRun().GetRef().GetRunId()
	if _, err := c.reports.ReportFailure(ctx, &planv1.ReportFailureRequest{
		RunId: id, Failure: &planv1.Failure{TaskId: "x", Reason: string(fault.ReasonScopeViolation)},
	}); err != nil {
		t.Fatal(err)
	}
	list, err := c.runs.ListRuns(ctx, &planv1.ListRunsRequest{ExportDate: c.date})
	if err != nil || len(list.GetRuns()) != 1 || list.GetRuns()[0].GetState() != planv1.RunState_RUN_STATE_QUARANTINED {
		t.Errorf("ListRuns = %v, %v; want one quarantined run", list, err)
	}
	if _, err := c.events.GetLastMsgForSubject(ctx, "event.run.quarantined.acme"); err != nil {
		t.Errorf("event run.quarantined: %v", err)
	}
}

func TestRefusalsOverTheWire(t *testing.T) {
	c, ctx := serve(t), t.Context()
	for _, test := range []struct {
		export, date string
		want         fault.Reason
	}{
		{"acme-daily", "2020-01-01", fault.ReasonBeforeStart},
		{"acme-daily", "9999-01-01", fault.ReasonNotDue},
		{"acme-daily", "2020-13-01", fault.ReasonValidation},
		{"other", c.date, fault.ReasonNotFound},
	} {
		if _, err := c.runs.StartRun(ctx, start(test.export, test.date)); fault.ReasonOf(err) != test.want {
			t.Errorf("StartRun(%s, %s) = %v, want %s", test.export, test.date, err, test.want)
		}
	}
	if _, err := c.runs.GetRun(ctx, &planv1.GetRunRequest{RunId: "no such run"}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("GetRun of none = %v, want NotFound", err)
	}
}
