package app_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/deploy/local/warehouse"
	"github.com/customer-exports/exports/pkg/bus"
	"github.com/customer-exports/exports/pkg/bus/bustest"
	"github.com/customer-exports/exports/pkg/conf"
	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	"github.com/customer-exports/exports/pkg/rpc"
	commonv1 "github.com/customer-exports/exports/proto/exports/common/v1"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	sourcev1 "github.com/customer-exports/exports/proto/exports/source/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/extractor/app"
)

var (
	created = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	asOf    = time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	clock   = time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// rig is a running extractor with everything it needs.
type rig struct {
	peers     *memPeers
	warehouse *warehouse.Server
	bus       *bus.Bus
	tel       *obs.Telemetry
	addr      string
}

func start(t *testing.T, tables ...string) *rig {
	t.Helper()
	tel, err := obs.Setup(t.Context(), obs.Config{Service: "test"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{peers: newPeers(revision(tables)), tel: tel}
	r.warehouse, err = warehouse.Open(t.Context(), warehouse.Config{
		Scale: 0.002, ChunkRows: 500, BatchRows: 100, InlineRows: 50, Spool: t.TempDir(),
		CreateTime: created, Now: func() time.Time { return clock },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.warehouse.Close(); err != nil {
			t.Error(err)
		}
	})
	url := bustest.Start(t)
	if r.bus, err = bus.Connect(t.Context(), bus.Config{URL: url}, "test"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.bus.Close)
	r.run(t, url)
	return r
}

// run starts the extractor and stops it with the test.
func (r *rig) run(t *testing.T, url string) {
	t.Helper()
	extractor, err := app.New(t.Context(), r.settings(t, url))
	if err != nil {
		t.Fatal(err)
	}
	r.addr = extractor.Addr()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- extractor.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func (r *rig) settings(t *testing.T, url string) app.Config {
	t.Helper()
	host, port, err := net.SplitHostPort(r.warehouse.Addr())
	if err != nil {
		t.Fatal(err)
	}
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("local"), 0o600); err != nil {
		t.Fatal(err)
	}
	var cfg app.Config
	cfg.Defaults()
	cfg.Listen, cfg.NATS.URL, cfg.Telemetry.LogLevel = "127.0.0.1:0", url, "error"
	cfg.ConfigAddress = r.peers.serve(t, r.tel)
	cfg.PlannerAddress, cfg.DeliveryAddress = cfg.ConfigAddress, cfg.ConfigAddress
	cfg.MaxAttempts, cfg.RunCheck = 2, conf.Duration(50*time.Millisecond)
	cfg.Source.Protocol, cfg.Source.Host = "http", host
	if cfg.Source.Port, err = strconv.Atoi(port); err != nil {
		t.Fatal(err)
	}
	cfg.Source.Account, cfg.Source.User, cfg.Source.PasswordFile = "LOCAL", "EXPORTS", conf.Secret(password)
	cfg.Source.Warehouse, cfg.Source.LargeWarehouse = "EXPORT_WH", "EXPORT_LARGE_WH"
	return cfg
}

func revision(tables []string) *configv1.Revision {
	spec := &configv1.ExportSpec{Scope: &commonv1.Scope{Brands: []string{"Bella Pizza"}}}
	for i := range 60 {
		spec.Scope.LocationIds = append(spec.Scope.LocationIds, fmt.Sprintf("LOC-%04d", i))
	}
	for _, table := range tables {
		spec.Tables = append(spec.Tables, &configv1.TableSelection{Table: table})
	}
	return &configv1.Revision{Revision: 3, Spec: spec, State: configv1.RevisionState_REVISION_STATE_IN_FORCE}
}

func ref() *taskv1.RunRef {
	return &taskv1.RunRef{
		RunId: "acme-daily-20261121-1", CustomerId: "acme", ExportId: "acme-daily", Revision: 3,
		ExportDate: "2026-11-21", DueTime: timestamppb.New(asOf), AsOfTime: timestamppb.New(asOf),
	}
}

func (r *rig) extract(t *testing.T, ref *taskv1.RunRef, work *taskv1.ExtractWork) {
	t.Helper()
	task := &taskv1.Task{
		TaskId: fmt.Sprintf("%s.extract.%s.%d", ref.GetRunId(), work.GetTable(), work.GetPartIndex()),
		Run:    ref, Work: &taskv1.Task_Extract{Extract: work},
	}
	if err := r.bus.PublishTask(t.Context(), r.tel, "extract", task); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) measure(t *testing.T) *planv1.ReportMeasurementRequest {
	t.Helper()
	return r.measureOf(t, ref())
}

func (r *rig) measureOf(t *testing.T, run *taskv1.RunRef) *planv1.ReportMeasurementRequest {
	t.Helper()
	r.askMeasure(t, run)
	return receive(t, r, r.peers.measurements)
}

func (r *rig) askMeasure(t *testing.T, run *taskv1.RunRef) {
	t.Helper()
	task := &taskv1.Task{TaskId: run.GetRunId() + ".measure", Run: run, Work: &taskv1.Task_Measure{Measure: &taskv1.MeasureWork{}}}
	if err := r.bus.PublishTask(t.Context(), r.tel, "measure", task); err != nil {
		t.Fatal(err)
	}
}

// receive waits for a report, and fails when the extractor reports a failure instead.
func receive[T any](t *testing.T, r *rig, from <-chan T) T {
	t.Helper()
	select {
	case got := <-from:
		return got
	case failure := <-r.peers.failures:
		t.Fatalf("a failure was reported: %v", failure.GetFailure())
	case <-time.After(patience):
		t.Fatal("nothing was reported")
	}
	panic("unreachable")
}

func rowsIn(table *planv1.TableMeasurement) int64 {
	var rows int64
	for _, count := range table.GetCounts() {
		rows += count.GetRowCount()
	}
	return rows
}

// A run from measurement to receipts: every table of the dictionary, through queue, gRPC and driver.
func TestRun(t *testing.T) {
	var tables []string
	for _, table := range dictionary.Standard().Tables {
		tables = append(tables, table.Name)
	}
	r := start(t, tables...)
	measured := r.measure(t)
	if len(measured.GetTables()) != len(tables) || measured.GetRunId() != ref().GetRunId() {
		t.Fatalf("%d tables of run %s were measured, want %d", len(measured.GetTables()), measured.GetRunId(), len(tables))
	}
	want := map[string]int64{}
	for i, table := range measured.GetTables() {
		want[table.GetTable()] = rowsIn(table)
		if table.GetTable() != tables[i] || want[table.GetTable()] == 0 {
			t.Errorf("table %d is %s with %d rows, want %s with some", i, table.GetTable(), want[table.GetTable()], tables[i])
		}
		r.extract(t, ref(), &taskv1.ExtractWork{Table: table.GetTable(), RowCount: rowsIn(table)})
	}
	for range tables {
		part := receive(t, r, r.peers.parts)
		if got := part.GetReceipt(); got.GetRowCount() != want[got.GetTable()] || part.GetAttempt() != 1 {
			t.Errorf("receipt of attempt %d has %d rows of %s, want %d", part.GetAttempt(), got.GetRowCount(), got.GetTable(), want[got.GetTable()])
		}
		delete(want, part.GetReceipt().GetTable())
	}
	if len(want) > 0 {
		t.Errorf("no receipt for %v", want)
	}
}

// A part without rows is sent, received and reported like any other.
func TestEmptyPart(t *testing.T) {
	r := start(t, "FACT_REVIEWS")
	r.extract(t, ref(), &taskv1.ExtractWork{Table: "FACT_REVIEWS", PartIndex: 4, Range: &taskv1.SplitRange{From: "2026-01-01", Until: "2026-01-01"}})
	if part := receive(t, r, r.peers.parts); part.GetReceipt().GetRowCount() != 0 || part.GetReceipt().GetPartIndex() != 4 {
		t.Errorf("got %v, want an empty part 4", part.GetReceipt())
	}
}

// A failed attempt is reported with its reason, and the next one delivers the part.
func TestRetry(t *testing.T) {
	r := start(t, "FACT_TRANSACTIONS")
	rows := rowsIn(r.measure(t).GetTables()[0])
	if err := r.warehouse.Faults().Arm(warehouse.Fault{Kind: warehouse.ChunkForbidden}); err != nil {
		t.Fatal(err)
	}
	r.extract(t, ref(), &taskv1.ExtractWork{Table: "FACT_TRANSACTIONS", RowCount: rows})
	r.failed(t, fault.ReasonChunkExpired, true)
	if part := receive(t, r, r.peers.parts); part.GetAttempt() != 2 || part.GetReceipt().GetRowCount() != rows {
		t.Errorf("got %d rows by attempt %d, want %d by 2", part.GetReceipt().GetRowCount(), part.GetAttempt(), rows)
	}
}

// failed waits for the report of a failure.
func (r *rig) failed(t *testing.T, want fault.Reason, again bool) {
	t.Helper()
	f := r.failure(t)
	if f.GetReason() != string(want) || f.GetWillRetry() != again || f.GetTaskId() == "" || f.GetMessage() == "" || f.GetFailTime() == nil {
		t.Errorf("got %v, want %s, tried again: %t", f, want, again)
	}
}

func (r *rig) failure(t *testing.T) *planv1.Failure {
	t.Helper()
	select {
	case got := <-r.peers.failures:
		return got.GetFailure()
	case part := <-r.peers.parts:
		t.Fatalf("a receipt was reported: %v", part)
	case <-time.After(patience):
		t.Fatal("no failure was reported")
	}
	panic("unreachable")
}

// What another attempt cannot change is reported as final at once.
func TestFinal(t *testing.T) {
	r := start(t, "FACT_REVIEWS", "DIM_DATES")
	forged, early, unknown := ref(), ref(), ref()
	forged.CustomerId = "mallory"
	early.AsOfTime = timestamppb.New(created.Add(-time.Hour))
	unknown.Revision = 4
	for name, test := range map[string]struct {
		ref   *taskv1.RunRef
		table string
		want  fault.Reason
	}{
		"another customer's export":  {forged, "FACT_REVIEWS", fault.ReasonDenied},
		"table not in the revision":  {ref(), "FACT_MESSAGES", fault.ReasonUnknownTable},
		"as-of time gone":            {early, "DIM_DATES", fault.ReasonSourceAsOfGone},
		"revision that is not there": {unknown, "FACT_REVIEWS", fault.ReasonNotFound},
	} {
		test.ref.RunId += "-" + test.table + "-" + string(test.want)
		r.extract(t, test.ref, &taskv1.ExtractWork{Table: test.table})
		t.Run(name, func(t *testing.T) { r.failed(t, test.want, false) })
	}
}

// When the source no longer holds the run's instant, the report says from when on it holds every table of the run, also those
// of other tasks and those that only say whose the rows are.
func TestAsOfGone(t *testing.T) {
	r := start(t, "DIM_DATES", "FACT_TRANSACTION_ITEMS")
	if err := r.warehouse.Rebuild(t.Context(), "FACT_TRANSACTIONS"); err != nil {
		t.Fatal(err)
	}
	gone, early := ref(), ref()
	early.AsOfTime = timestamppb.New(created.Add(-time.Hour))
	ask := map[string]func(){
		"extract": func() { r.extract(t, early, &taskv1.ExtractWork{Table: "DIM_DATES"}) },
		"measure": func() { r.askMeasure(t, gone) },
	}
	for name, ask := range ask {
		t.Run(name, func(t *testing.T) {
			ask()
			got := r.failure(t)
			if got.GetReason() != string(fault.ReasonSourceAsOfGone) || got.GetWillRetry() {
				t.Fatalf("got %v, want SOURCE_AS_OF_GONE for good", got)
			}
			if want := clock.Add(time.Second); !got.GetEarliestAsOfTime().AsTime().Equal(want) {
				t.Errorf("the earliest instant is %v, want %s", got.GetEarliestAsOfTime(), want)
			}
		})
	}
}

// A source that does not tell how far back it reaches does not keep the failure from being reported.
func TestAsOfGoneAndNoMoreIsKnown(t *testing.T) {
	r := start(t, "DIM_DATES")
	early := ref()
	early.AsOfTime = timestamppb.New(created.Add(-time.Hour))
	away := warehouse.Fault{Kind: warehouse.QueryError, SQL: "INFORMATION_SCHEMA", Code: "000603", SQLState: "XX000", Message: "away"}
	if err := r.warehouse.Faults().Arm(away); err != nil {
		t.Fatal(err)
	}
	r.extract(t, early, &taskv1.ExtractWork{Table: "DIM_DATES"})
	got := r.failure(t)
	if got.GetReason() != string(fault.ReasonSourceAsOfGone) || got.GetEarliestAsOfTime() != nil {
		t.Errorf("got %v, want SOURCE_AS_OF_GONE and no instant", got)
	}
}

// Whatever the config service gives out, only a revision that is or was in force is read.
func TestRevisionStates(t *testing.T) {
	r := start(t, "DIM_DATES")
	rows := rowsIn(r.measure(t).GetTables()[0])
	asked := len(r.warehouse.Queries())
	for number, name := range configv1.RevisionState_name {
		state := configv1.RevisionState(number)
		r.peers.revision.State = state // nothing is under way
		run := ref()
		run.RunId += "-" + name
		r.extract(t, run, &taskv1.ExtractWork{Table: "DIM_DATES", RowCount: rows})
		if state == configv1.RevisionState_REVISION_STATE_IN_FORCE || state == configv1.RevisionState_REVISION_STATE_REPLACED {
			receive(t, r, r.peers.parts)
			asked++
			continue
		}
		r.failed(t, fault.ReasonNotApproved, false)
		r.askMeasure(t, run)
		r.failed(t, fault.ReasonNotApproved, false)
	}
	if got := len(r.warehouse.Queries()); got != asked {
		t.Errorf("the source ran %d statements, want %d", got, asked)
	}
}

// The class of the export decides which warehouse measures and reads it.
func TestWarehouseClass(t *testing.T) {
	r := start(t, "DIM_DATES")
	for class, want := range map[configv1.WarehouseClass]string{
		configv1.WarehouseClass_WAREHOUSE_CLASS_UNSPECIFIED: "EXPORT_WH",
		configv1.WarehouseClass_WAREHOUSE_CLASS_STANDARD:    "EXPORT_WH",
		configv1.WarehouseClass_WAREHOUSE_CLASS_LARGE:       "EXPORT_LARGE_WH",
	} {
		r.peers.revision.Spec.WarehouseClass = class // nothing is under way
		before := len(r.warehouse.Queries())
		run := ref()
		run.RunId += "-" + class.String()
		r.extract(t, run, &taskv1.ExtractWork{Table: "DIM_DATES", RowCount: rowsIn(r.measureOf(t, run).GetTables()[0])})
		receive(t, r, r.peers.parts)
		ran := r.warehouse.Queries()[before:]
		if len(ran) != 2 {
			t.Errorf("%s: %d statements, want 2", class, len(ran))
		}
		for _, query := range ran {
			if query.Warehouse != want {
				t.Errorf("%s ran on %s, want %s:\n%s", class, query.Warehouse, want, query.SQL)
			}
		}
	}
}

// The extractor that handles tasks answers questions about the source too.
func TestSourceService(t *testing.T) {
	r := start(t, "DIM_DATES")
	r.measure(t)
	conn, err := rpc.Dial(r.addr, r.tel)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	client := sourcev1.NewSourceServiceClient(conn)
	scope, err := client.CheckScope(t.Context(), &sourcev1.CheckScopeRequest{Brands: []string{"Bella Pizza"}, LocationIds: []string{"LOC-0000", "LOC-9999"}})
	if err != nil || len(scope.GetUnknownBrands()) > 0 || len(scope.GetUnknownLocationIds()) != 1 {
		t.Errorf("got %v, %v; want one unknown location", scope, err)
	}
	tables, err := client.DescribeTables(t.Context(), &sourcev1.DescribeTablesRequest{})
	if err != nil || len(tables.GetTables()) != len(dictionary.Standard().Tables) {
		t.Errorf("got %d tables, %v; want the whole dictionary", len(tables.GetTables()), err)
	}
}

// The last attempt's failure is final whatever its reason.
func TestLastAttempt(t *testing.T) {
	r := start(t, "FACT_REVIEWS")
	r.extract(t, ref(), &taskv1.ExtractWork{Table: "FACT_REVIEWS", RowCount: -1})
	r.failed(t, fault.ReasonSourceTruncated, true)
	r.failed(t, fault.ReasonSourceTruncated, false)
}

// The receipt of a superseded attempt is not an error.
func TestSuperseded(t *testing.T) {
	r := start(t, "DIM_DATES")
	r.peers.accept = false
	r.extract(t, ref(), &taskv1.ExtractWork{Table: "DIM_DATES", RowCount: rowsIn(r.measure(t).GetTables()[0])})
	receive(t, r, r.peers.parts)
	select {
	case failure := <-r.peers.failures:
		t.Errorf("a failure was reported: %v", failure)
	case again := <-r.peers.parts:
		t.Errorf("the part was read again: %v", again)
	case <-time.After(3 * time.Second): // longer than the queue waits before a second attempt
	}
}
