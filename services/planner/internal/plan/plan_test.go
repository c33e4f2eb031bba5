package plan_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/bus"
	"github.com/customer-exports/exports/pkg/bus/bustest"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/planner/internal/dispatch"
	"github.com/customer-exports/exports/services/planner/internal/plan"
	"github.com/customer-exports/exports/services/planner/internal/run"
	"github.com/customer-exports/exports/services/planner/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ann asks for things.
var ann = plan.By{Author: "ann@example.com", Reason: "ticket 4711"}

var now = time.Date(2026, 1, 12, 12, 0, 0, 0, time.UTC)

// memExports holds exports in memory.
type memExports []*configv1.Export

func (m memExports) List(context.Context) ([]*configv1.Export, error) { return m, nil }

func (m memExports) Get(_ context.Context, id string) (*configv1.Export, error) {
	for _, e := range m {
		if e.GetExportId() == id {
			return e, nil
		}
	}
	return nil, fault.New(fault.NotFound, fault.ReasonNotFound, "no export %q", id)
}

// Revision knows of older ones only that they had one table.
func (m memExports) Revision(_ context.Context, _ string, number int64) (*configv1.Revision, error) {
	return &configv1.Revision{Revision: number, Spec: &configv1.ExportSpec{Tables: []*configv1.TableSelection{{Table: "DIM_LOCATIONS"}}}}, nil
}

func acme(exportID, timeOfDay string) *configv1.Export {
	return &configv1.Export{
		ExportId: exportID, CustomerId: "acme",
		Terms: []*configv1.Term{{Revision: 1, EffectiveTime: timestamppb.New(now.AddDate(0, -1, 0)), Owed: true}},
		Revision: &configv1.Revision{Revision: 1, Spec: &configv1.ExportSpec{
			Tables:   []*configv1.TableSelection{{Table: "DIM_DATES"}, {Table: "FACT_REVIEWS"}},
			Schedule: &configv1.Schedule{TimeOfDay: timeOfDay, TimeZone: "UTC"}, StartDate: "2026-01-10",
		}},
	}
}

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// roomy has room for every task of most tests.
var roomy = dispatch.Rules{
	Caps:   dispatch.Caps{Statements: 100, StatementsPerCustomer: 100, Commits: 100, Expiries: 100},
	Sizes:  dispatch.Sizes{MediumRows: 1000, LargeRows: 100_000},
	Shares: dispatch.Shares{Small: 4, Medium: 3, Large: 1},
}

// planner is one planner on the server at url, with a connection of its own.
func planner(t testing.TB, url string, c *clock, exports ...*configv1.Export) (*plan.Planner, *bus.Bus) {
	t.Helper()
	tel, err := obs.Setup(t.Context(), obs.Config{Service: "planner", LogLevel: "error"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	b, err := bus.Connect(t.Context(), bus.Config{URL: url}, "planner")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	if err := b.EnsureTasks(t.Context()); err != nil {
		t.Fatal(err)
	}
	kv, err := b.EnsureBucket(t.Context(), store.Bucket)
	if err != nil {
		t.Fatal(err)
	}
	return &plan.Planner{
		Store: store.New(kv), Queue: store.NewQueue(b, tel), Dead: store.NewDead(b), Exports: memExports(exports), Tel: tel, Now: c.now,
		Cutter: run.Cutter{TargetRows: 10, Whole: func(table string) bool { return table == "DIM_DATES" }},
		Rules:  func(context.Context) dispatch.Rules { return roomy },
	}, b
}

// tasks reads what is in the task stream, oldest first.
func tasks(t *testing.T, b *bus.Bus) (ids []string, messages []*jetstream.RawStreamMsg) {
	t.Helper()
	stream, err := b.JetStream().Stream(t.Context(), bus.StreamTasks)
	if err != nil {
		t.Fatal(err)
	}
	info, err := stream.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for seq := info.State.FirstSeq; seq <= info.State.LastSeq; seq++ {
		msg, err := stream.GetMsg(t.Context(), seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue // deleted
		}
		if err != nil {
			t.Fatal(err)
		}
		task := &taskv1.Task{}
		if err := proto.Unmarshal(msg.Data, task); err != nil {
			t.Fatal(err)
		}
		ids, messages = append(ids, task.GetTaskId()), append(messages, msg)
	}
	return ids, messages
}

func same[T any](t *testing.T, what string, want, got []T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s differ (-want +got):\n%s", what, diff)
	}
}

func TestTickPlansOldestDeadlineFirst(t *testing.T) {
	c := &clock{at: now}
	p, b := planner(t, bustest.Start(t), c, acme("late", "09:00"), acme("early", "02:00"))
	for range 2 { // the second finds everything planned
		if err := p.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	got, _ := tasks(t, b)
	same(t, "tasks", []string{
		"early-20260110-1.measure", "late-20260110-1.measure", "early-20260111-1.measure",
		"late-20260111-1.measure", "early-20260112-1.measure", "late-20260112-1.measure",
	}, got)
}

func TestPlannersRace(t *testing.T) {
	url, c := bustest.Start(t), &clock{at: now}
	var planners []*plan.Planner
	var b *bus.Bus
	for range 4 {
		p, connection := planner(t, url, c, acme("acme-daily", "02:00"))
		planners, b = append(planners, p), connection
	}
	var g errgroup.Group
	traces := make([]string, len(planners))
	for i, p := range planners {
		g.Go(func() error { return p.Tick(t.Context()) })
		g.Go(func() error {
			r, err := p.Start(t.Context(), "acme-daily", "2026-01-12", ann)
			traces[i] = r.GetTraceId()
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if slices.Sort(traces); traces[0] == "" || len(slices.Compact(traces)) != 1 {
		t.Errorf("callers were given different runs: %q", traces)
	}
	ids, err := planners[0].Store.RunIDs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(ids)
	same(t, "runs", []string{"acme-daily-20260110-1", "acme-daily-20260111-1", "acme-daily-20260112-1"}, ids)
	got, _ := tasks(t, b)
	slices.Sort(got)
	same(t, "tasks", []string{"acme-daily-20260110-1.measure", "acme-daily-20260111-1.measure", "acme-daily-20260112-1.measure"}, got)
}

func TestStartRefuses(t *testing.T) {
	p, _ := planner(t, bustest.Start(t), &clock{at: now}, acme("acme-daily", "02:00"))
	for _, test := range []struct {
		export, date string
		kind         fault.Kind
		reason       fault.Reason
	}{
		{"acme-daily", "2026-01-13", fault.State, fault.ReasonNotDue},
		{"acme-daily", "2026-01-09", fault.State, fault.ReasonBeforeStart},
		{"acme-daily", "2026-02-30", fault.Invalid, fault.ReasonValidation},
		{"other", "2026-01-12", fault.NotFound, fault.ReasonNotFound},
	} {
		_, err := p.Start(t.Context(), test.export, test.date, ann)
		if fault.KindOf(err) != test.kind || fault.ReasonOf(err) != test.reason {
			t.Errorf("Start(%s, %s) = %v, want %s %s", test.export, test.date, err, test.kind, test.reason)
		}
	}
}

// A revision that came into force after the due time does not make the drop.
func TestTheRevisionInForceAtTheDueTimePlans(t *testing.T) {
	e := acme("acme-daily", "02:00")
	e.Revision.Revision = 2
	e.Terms = append(e.Terms, &configv1.Term{Revision: 2, EffectiveTime: timestamppb.New(now.Add(-12 * time.Hour)), Owed: true})
	p, _ := planner(t, bustest.Start(t), &clock{at: now}, e)
	for _, test := range []struct {
		date     string
		revision int64
		table    string
	}{{"2026-01-11", 1, "DIM_LOCATIONS"}, {"2026-01-12", 2, "DIM_DATES"}} {
		r, err := p.Start(t.Context(), "acme-daily", test.date, ann)
		if err != nil {
			t.Fatal(err)
		}
		if r.GetRef().GetRevision() != test.revision || r.GetTables()[0].GetTable() != test.table {
			t.Errorf("%s is made by revision %d and starts with %s, want %d and %s",
				test.date, r.GetRef().GetRevision(), r.GetTables()[0].GetTable(), test.revision, test.table)
		}
	}
}

const runID = "acme-daily-20260112-1"

// counts cuts FACT_REVIEWS into two parts.
func counts() []*planv1.TableMeasurement {
	return []*planv1.TableMeasurement{
		{Table: "DIM_DATES", Counts: []*planv1.SplitCount{{RowCount: 7}}},
		{Table: "FACT_REVIEWS", Counts: []*planv1.SplitCount{{SplitDate: "2026-01-01", RowCount: 10}, {SplitDate: "2026-01-02", RowCount: 5}}},
	}
}

func receipts(upload string) []*deliveryv1.Receipt {
	return []*deliveryv1.Receipt{
		{Table: "FACT_REVIEWS", PartIndex: 1, RowCount: 5, UploadId: upload},
		{Table: "DIM_DATES", RowCount: 7, UploadId: upload},
		{Table: "FACT_REVIEWS", RowCount: 10, UploadId: upload},
	}
}

// started is a planner with one run that is measured.
func started(t *testing.T, url string, c *clock) (*plan.Planner, *bus.Bus) {
	t.Helper()
	p, b := planner(t, url, c, acme("acme-daily", "02:00"))
	if _, err := p.Start(t.Context(), "acme-daily", "2026-01-12", ann); err != nil {
		t.Fatal(err)
	}
	dispatched(t, p)
	if err := p.Measure(t.Context(), runID, counts()); err != nil {
		t.Fatal(err)
	}
	dispatched(t, p)
	return p, b
}

func dispatched(t *testing.T, p *plan.Planner) {
	t.Helper()
	if _, err := p.Dispatch(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestRepeatedReports(t *testing.T) {
	p, b := started(t, bustest.Start(t), &clock{at: now})
	var g errgroup.Group
	for range 3 {
		g.Go(func() error { return p.Measure(t.Context(), runID, counts()) })
		for _, receipt := range receipts("first") {
			g.Go(func() error {
				accepted, err := p.Receive(t.Context(), runID, receipt)
				if err == nil && !accepted {
					t.Errorf("the receipt of %s was not accepted", receipt.GetTable())
				}
				return err
			})
		}
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, receipt := range receipts("second") {
		if accepted, err := p.Receive(t.Context(), runID, receipt); accepted || err != nil {
			t.Errorf("another attempt's receipt: %v, %v; want false", accepted, err)
		}
	}
	dispatched(t, p)
	got, _ := tasks(t, b)
	same(t, "tasks", []string{
		runID + ".measure", runID + ".extract.DIM_DATES.0", runID + ".extract.FACT_REVIEWS.0",
		runID + ".extract.FACT_REVIEWS.1", runID + ".commit",
	}, got)
	for range 2 {
		if err := p.Commit(t.Context(), runID, "manifest.json", time.Time{}, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := p.Store.Get(t.Context(), runID); err != nil || r.GetState() != run.Committed {
		t.Errorf("the run is %v, %v; want committed", r.GetState(), err)
	}
}

func TestListReceipts(t *testing.T) {
	p, _ := started(t, bustest.Start(t), &clock{at: now})
	if _, err := p.ListReceipts(t.Context(), runID, plan.Page{}); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("with parts missing: %v, want Unavailable", err)
	}
	for _, receipt := range receipts("first") {
		if _, err := p.Receive(t.Context(), runID, receipt); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for page := (plan.Page{Size: 2}); ; {
		answer, err := p.ListReceipts(t.Context(), runID, page)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range answer.Receipts {
			got = append(got, r.GetTable()+string('0'+r.GetPartIndex()))
		}
		if page.Token = answer.NextToken; page.Token == "" {
			break
		}
	}
	same(t, "receipts", []string{"DIM_DATES0", "FACT_REVIEWS0", "FACT_REVIEWS1"}, got)
}

func TestList(t *testing.T) {
	p, _ := planner(t, bustest.Start(t), &clock{at: now}, acme("one", "02:00"), acme("two", "02:00"))
	if err := p.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got []string
	for page := (plan.Page{Size: 4}); ; {
		runs, next, err := p.List(t.Context(), plan.Filter{CustomerID: "acme"}, page)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range runs {
			got = append(got, r.GetRef().GetRunId())
		}
		if page.Token = next; next == "" {
			break
		}
	}
	same(t, "runs", []string{
		"one-20260112-1", "two-20260112-1", "one-20260111-1", "two-20260111-1", "one-20260110-1", "two-20260110-1",
	}, got)
	if runs, _, err := p.List(t.Context(), plan.Filter{CustomerID: "other"}, plan.Page{}); len(runs) != 0 || err != nil {
		t.Errorf("another customer's runs: %v, %v", runs, err)
	}
	if _, _, err := p.List(t.Context(), plan.Filter{}, plan.Page{Token: "garbage"}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a made-up token = %v, want Invalid", err)
	}
}
