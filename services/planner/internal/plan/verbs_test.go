package plan_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/bus"
	"github.com/customer-exports/exports/pkg/bus/bustest"
	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	eventv1 "github.com/customer-exports/exports/proto/exports/event/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	"github.com/customer-exports/exports/services/planner/internal/dispatch"
	"github.com/customer-exports/exports/services/planner/internal/plan"
	"github.com/customer-exports/exports/services/planner/internal/run"
)

const nextID = "acme-daily-20260112-2"

// told is the last event of a type about acme.
func told(t *testing.T, b *bus.Bus, fact string) *eventv1.Event {
	t.Helper()
	stream, err := b.JetStream().Stream(t.Context(), bus.StreamEvents)
	if err != nil {
		t.Fatal(err)
	}
	msg, err := stream.GetLastMsgForSubject(t.Context(), "event."+fact+".acme")
	if err != nil {
		t.Fatalf("event %s: %v", fact, err)
	}
	e := &eventv1.Event{}
	if err := proto.Unmarshal(msg.Data, e); err != nil {
		t.Fatal(err)
	}
	return e
}

func refused(t *testing.T, what string, err error, kind fault.Kind, reason fault.Reason) {
	t.Helper()
	if fault.KindOf(err) != kind || fault.ReasonOf(err) != reason {
		t.Errorf("%s = %v, want %s %s", what, err, kind, reason)
	}
}

func TestCancel(t *testing.T) {
	p, b := started(t, bustest.Start(t), &clock{at: now})
	for range 2 {
		r, err := p.Cancel(t.Context(), runID, ann)
		if err != nil || r.GetState() != run.Cancelled || len(r.GetActs()) != 2 {
			t.Fatalf("Cancel = %v, %v", r, err)
		}
	}
	if e := told(t, b, "run.cancelled"); e.GetActor() != ann.Author || e.GetMessage() != "CancelRun: ticket 4711" || e.GetRunId() != runID {
		t.Errorf("told %v", e)
	}
	refused(t, "going on with its tasks", p.CheckWanted(t.Context(), runID), fault.State, fault.ReasonNotActive)
	dispatched(t, p)
	got, _ := tasks(t, b)
	if last := got[len(got)-1]; last != runID+".abort" {
		t.Errorf("queued last: %s, want the abort", last)
	}
	if err := p.Aborted(t.Context(), runID); err != nil {
		t.Fatal(err)
	}
	_, err := p.Receive(t.Context(), runID, receipts("late")[0])
	refused(t, "a receipt after the cancel", err, fault.State, fault.ReasonNotActive)
	if r, err := p.Store.Get(t.Context(), runID); err != nil || r.GetUploadsAborted() {
		t.Errorf("the upload of a part that came late stays: %v, %v", r.GetUploadsAborted(), err)
	}
	_, err = p.Cancel(t.Context(), "acme-daily-20260101-1", ann)
	refused(t, "cancelling a run that is not there", err, fault.NotFound, fault.ReasonNotFound)
}

// TestACancelAndACommitNeverBothSucceed lets a cancel meet the last receipts of a run, again and again.
func TestACancelAndACommitNeverBothSucceed(t *testing.T) {
	p, _ := planner(t, bustest.Start(t), &clock{at: now}, acme("acme-daily", "02:00"))
	r, err := p.Start(t.Context(), "acme-daily", "2026-01-12", ann)
	if err != nil {
		t.Fatal(err)
	}
	ended := map[planv1.RunState]int{}
	for round := range 32 {
		id := r.GetRef().GetRunId()
		if err := p.Measure(t.Context(), id, counts()); err != nil {
			t.Fatal(err)
		}
		var g sync.WaitGroup
		var cancelled, committed error
		begin := make(chan struct{})
		g.Go(func() { <-begin; _, cancelled = p.Cancel(t.Context(), id, ann) })
		g.Go(func() {
			for i, receipt := range receipts("first") {
				if i == round%4 {
					close(begin)
				}
				_, _ = p.Receive(t.Context(), id, receipt) // refused once the run is cancelled
			}
			if round%4 == 3 {
				close(begin)
			}
			committed = p.Commit(t.Context(), id, "m.json", p.Now(), p.Now().Add(month))
		})
		g.Wait()
		if r, err = p.Store.Get(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		want := map[bool]planv1.RunState{true: run.Cancelled, false: run.Committed}[cancelled == nil]
		if ended[r.GetState()]++; r.GetState() != want || (cancelled == nil) == (committed == nil) {
			t.Fatalf("the run is %s; cancelling it: %v, committing it: %v", run.Word(r.GetState()), cancelled, committed)
		}
		if r, err = p.ReExtract(t.Context(), id, time.Time{}, ann); err != nil {
			t.Fatal(err)
		}
	}
	if ended[run.Cancelled] == 0 || ended[run.Committed] == 0 {
		t.Errorf("the runs ended %v: one side always won", ended)
	}
}

// TestWorkersAskBeforeTheyGoOn does so for a run that goes on and for none.
func TestWorkersAskBeforeTheyGoOn(t *testing.T) {
	p, _ := started(t, bustest.Start(t), &clock{at: now})
	if err := p.CheckWanted(t.Context(), runID); err != nil {
		t.Errorf("a run that goes on: %v", err)
	}
	refused(t, "no such run", p.CheckWanted(t.Context(), nextID), fault.NotFound, fault.ReasonNotFound)
}

func TestReExtract(t *testing.T) {
	p, b := started(t, bustest.Start(t), &clock{at: now})
	_, err := p.ReExtract(t.Context(), runID, time.Time{}, ann)
	refused(t, "re-extracting a run that goes on", err, fault.State, fault.ReasonRunNotEnded)
	if _, err := p.Cancel(t.Context(), runID, ann); err != nil {
		t.Fatal(err)
	}
	asOf := now.Add(-time.Minute)
	next, err := p.ReExtract(t.Context(), runID, asOf, ann)
	if err != nil || next.GetRef().GetRunId() != nextID || !next.GetRef().GetAsOfTime().AsTime().Equal(asOf) || next.GetTraceId() == "" {
		t.Fatalf("ReExtract = %v, %v", next, err)
	}
	if e := told(t, b, "run.planned"); e.GetActor() != ann.Author || e.GetRunId() != nextID || !strings.HasPrefix(e.GetMessage(), "ReExtract: ") {
		t.Errorf("told %v", e)
	}
	dispatched(t, p)
	if got, _ := tasks(t, b); !slices.Contains(got, nextID+".measure") {
		t.Errorf("queued %v, want the measurement of the new run too", got)
	}
	_, err = p.ReExtract(t.Context(), runID, time.Time{}, ann)
	refused(t, "re-extracting a run twice", err, fault.State, fault.ReasonSuperseded)
	if r, err := p.Start(t.Context(), "acme-daily", "2026-01-12", ann); err != nil || r.GetRef().GetRunId() != nextID {
		t.Errorf("starting the date again gives %s, %v; want the newest run", r.GetRef().GetRunId(), err)
	}
	r, err := p.Store.Get(t.Context(), runID)
	if acts := r.GetActs(); err != nil || len(acts) != 3 || acts[2].GetMethod() != "ReExtract" {
		t.Errorf("the first run keeps %v, %v; want StartRun, CancelRun, ReExtract", acts, err)
	}
	for _, id := range []string{"garbage", "acme-daily-20260101-1"} {
		_, err = p.ReExtract(t.Context(), id, time.Time{}, ann)
		refused(t, "re-extracting "+id, err, fault.NotFound, fault.ReasonNotFound)
	}
}

// TestResend sends a delivered run once more: copies are queued, and nothing that asks the source.
func TestResend(t *testing.T) {
	p, b := started(t, bustest.Start(t), &clock{at: now})
	_, err := p.Resend(t.Context(), runID, ann)
	refused(t, "resending a run that goes on", err, fault.State, fault.ReasonRunNotEnded)
	deliverRun(t, p, runID)
	next, err := p.Resend(t.Context(), runID, ann)
	if err != nil || next.GetRef().GetRunId() != nextID || next.GetState() != run.Extracting || next.GetResendsRunId() != runID || next.GetTraceId() == "" {
		t.Fatalf("Resend = %v, %v", next, err)
	}
	if e := told(t, b, "run.planned"); e.GetActor() != ann.Author || e.GetRunId() != nextID || e.GetMessage() != "Resend: ticket 4711" {
		t.Errorf("told %v", e)
	}
	tight := roomy
	tight.Caps.Statements, tight.Caps.Commits = 1, 100
	p.Rules = func(context.Context) dispatch.Rules { return tight }
	tick(t, p)
	queued, _ := tasks(t, b)
	var copies []string
	for _, id := range queued {
		if strings.HasPrefix(id, nextID) {
			copies = append(copies, id)
		}
	}
	same(t, "queued of the new run", []string{nextID + ".copy.DIM_DATES.0", nextID + ".copy.FACT_REVIEWS.0", nextID + ".copy.FACT_REVIEWS.1"}, copies)
	_, err = p.Resend(t.Context(), runID, ann)
	refused(t, "resending a run twice", err, fault.State, fault.ReasonSuperseded)
	lost := &planv1.Failure{TaskId: nextID + ".copy.FACT_REVIEWS.1", Reason: string(fault.ReasonFileGone), FailTime: timestamppb.New(now)}
	if err := p.Fail(t.Context(), nextID, lost); err != nil {
		t.Fatal(err)
	}
	if e := told(t, b, "run.failed"); e.GetRunId() != nextID || e.GetReason() != string(fault.ReasonFileGone) {
		t.Errorf("told %v", e)
	}
	_, err = p.Resend(t.Context(), nextID, ann)
	refused(t, "resending a run without a drop", err, fault.State, fault.ReasonNotCommitted)
	third, err := p.ReExtract(t.Context(), nextID, time.Time{}, ann)
	if err != nil || third.GetResendsRunId() != "" || third.GetState() != run.Measuring {
		t.Errorf("reading it after all: %v, %v", third, err)
	}
}

// deliverRun reports all that makes a drop of a run, which is kept for a month.
func deliverRun(t *testing.T, p *plan.Planner, id string) {
	t.Helper()
	if err := p.Measure(t.Context(), id, counts()); err != nil {
		t.Fatal(err)
	}
	for _, receipt := range receipts("first") {
		if _, err := p.Receive(t.Context(), id, receipt); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Commit(t.Context(), id, "m.json", p.Now(), p.Now().Add(month)); err != nil {
		t.Fatal(err)
	}
}

// TestResendRefusesWhatIsNotOwedAnyMore also keeps the record as it was.
func TestResendRefusesWhatIsNotOwedAnyMore(t *testing.T) {
	export := acme("acme-daily", "02:00")
	p, _ := planner(t, bustest.Start(t), &clock{at: now}, export)
	if _, err := p.Start(t.Context(), "acme-daily", "2026-01-12", ann); err != nil {
		t.Fatal(err)
	}
	deliverRun(t, p, runID)
	export.Revision.Spec.StartDate = "2026-01-13"
	_, err := p.Resend(t.Context(), runID, ann)
	refused(t, "resending", err, fault.State, fault.ReasonBeforeStart)
	if r, err := p.Store.Get(t.Context(), runID); err != nil || len(r.GetActs()) != 1 {
		t.Errorf("the run keeps %v, %v; want its start only", r.GetActs(), err)
	}
}

// TestReceipt gives what delivery copies by.
func TestReceipt(t *testing.T) {
	p, _ := started(t, bustest.Start(t), &clock{at: now})
	_, _, err := p.Receipt(t.Context(), runID, "FACT_REVIEWS", 0)
	refused(t, "a receipt of a run that is not there yet", err, fault.Unavailable, fault.ReasonUnavailable)
	deliverRun(t, p, runID)
	want := receipts("first")[1]
	r, got, err := p.Receipt(t.Context(), runID, want.GetTable(), want.GetPartIndex())
	if err != nil || r.GetState() != run.Committed || !proto.Equal(got, want) {
		t.Errorf("Receipt = %v, %v, %v; want %v", r, got, err, want)
	}
	_, _, err = p.Receipt(t.Context(), runID, want.GetTable(), 99)
	refused(t, "a part that is not there", err, fault.NotFound, fault.ReasonNotFound)
}

// together lets nobody create a record before all are about to.
type together struct {
	plan.Store
	all *sync.WaitGroup
}

func (s together) Create(ctx context.Context, r *planv1.Run) error {
	s.all.Done()
	s.all.Wait()
	return s.Store.Create(ctx, r)
}

// TestOneFollowerOnly has four planners asked at once.
func TestOneFollowerOnly(t *testing.T) {
	url, c := bustest.Start(t), &clock{at: now}
	p, _ := started(t, url, c)
	if _, err := p.Cancel(t.Context(), runID, ann); err != nil {
		t.Fatal(err)
	}
	answers, all := make(chan error), &sync.WaitGroup{}
	all.Add(4)
	for range 4 {
		p, _ := planner(t, url, c, acme("acme-daily", "02:00"))
		p.Store = together{p.Store, all}
		go func() {
			_, err := p.ReExtract(t.Context(), runID, time.Time{}, ann)
			answers <- err
		}()
	}
	followed := 0
	for range 4 {
		if err := <-answers; err == nil {
			followed++
		} else {
			refused(t, "who comes second", err, fault.State, fault.ReasonSuperseded)
		}
	}
	if followed != 1 {
		t.Errorf("%d planners say that the new run is theirs, want 1", followed)
	}
}

func TestReExtractRefusesWhatIsNotOwedAnyMore(t *testing.T) {
	export := acme("acme-daily", "02:00")
	p, _ := planner(t, bustest.Start(t), &clock{at: now}, export)
	if _, err := p.Start(t.Context(), "acme-daily", "2026-01-12", ann); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Cancel(t.Context(), runID, ann); err != nil {
		t.Fatal(err)
	}
	export.Revision.Spec.StartDate = "2026-01-13"
	if _, err := p.ReExtract(t.Context(), runID, time.Time{}, ann); fault.KindOf(err) != fault.State {
		t.Errorf("ReExtract = %v, want State", err)
	}
	if ids, err := p.Store.RunIDs(t.Context()); len(ids) != 1 || err != nil {
		t.Errorf("runs %v, %v; want the first one only", ids, err)
	}
}

func TestRePlanFollowsTheRevisionInForce(t *testing.T) {
	export := acme("acme-daily", "02:00")
	p, _ := planner(t, bustest.Start(t), &clock{at: now}, export)
	if _, err := p.Start(t.Context(), "acme-daily", "2026-01-12", ann); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Cancel(t.Context(), runID, ann); err != nil {
		t.Fatal(err)
	}
	_, err := p.RePlan(t.Context(), runID, time.Time{}, ann)
	refused(t, "re-planning what is not stale", err, fault.State, fault.ReasonPlanNotStale)
	export.Revision = &configv1.Revision{Revision: 2, Spec: proto.CloneOf(export.GetRevision().GetSpec())}
	export.Revision.Spec.Tables = export.GetRevision().GetSpec().GetTables()[:1]
	next, err := p.RePlan(t.Context(), runID, time.Time{}, ann)
	if err != nil || next.GetRef().GetRevision() != 2 || len(next.GetTables()) != 1 || !next.GetReplanned() || next.GetAsOfReplanned() {
		t.Errorf("RePlan = %v, %v", next, err)
	}
}

// gone is the failure of a task whose run reads an instant that the source no longer holds.
func gone() *planv1.Failure {
	return &planv1.Failure{
		TaskId: runID + ".measure", Reason: string(fault.ReasonSourceAsOfGone), FailTime: timestamppb.New(now),
		EarliestAsOfTime: timestamppb.New(now.Add(-time.Minute)),
	}
}

// TestALostInstantIsReplacedOnce reports that the due time is gone, and then that its replacement is gone too.
func TestALostInstantIsReplacedOnce(t *testing.T) {
	p, b := planner(t, bustest.Start(t), &clock{at: now}, acme("acme-daily", "02:00"))
	if _, err := p.Start(t.Context(), "acme-daily", "2026-01-12", ann); err != nil {
		t.Fatal(err)
	}
	if err := p.Fail(t.Context(), runID, gone()); err != nil {
		t.Fatal(err)
	}
	next, err := p.Store.Get(t.Context(), nextID)
	if err != nil || !next.GetAsOfReplanned() || !next.GetRef().GetAsOfTime().AsTime().Equal(now.Add(-time.Minute)) {
		t.Fatalf("the run in its place is %v, %v", next, err)
	}
	if e := told(t, b, "run.planned"); e.GetActor() != run.Author || e.GetRunId() != nextID {
		t.Errorf("told %v", e)
	}
	if err := p.Fail(t.Context(), nextID, gone()); err != nil {
		t.Fatal(err)
	}
	// An operator insists on the due time, which is still gone.
	third, err := p.ReExtract(t.Context(), nextID, next.GetRef().GetDueTime().AsTime(), ann)
	if err != nil || third.GetAsOfReplanned() {
		t.Fatalf("ReExtract = %v, %v", third, err)
	}
	if err := p.Fail(t.Context(), third.GetRef().GetRunId(), gone()); err != nil {
		t.Fatal(err)
	}
	tick(t, p)
	if r, err := p.Store.Get(t.Context(), "acme-daily-20260112-4"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("planned anew once more: %v, %v", r, err)
	}
}

func tick(t *testing.T, p *plan.Planner) {
	t.Helper()
	if err := p.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// awayExports is a config service that does not answer.
type awayExports struct{ memExports }

func (awayExports) Get(context.Context, string) (*configv1.Export, error) {
	return nil, fault.New(fault.Unavailable, fault.ReasonUnavailable, "away")
}

// TestATickReplacesALostInstant stops between the failure and what follows from it, twice.
func TestATickReplacesALostInstant(t *testing.T) {
	p, _ := planner(t, bustest.Start(t), &clock{at: now}, acme("acme-daily", "02:00"))
	if _, err := p.Start(t.Context(), "acme-daily", "2026-01-12", ann); err != nil {
		t.Fatal(err)
	}
	answering := p.Exports
	p.Exports = awayExports{answering.(memExports)}
	if err := p.Fail(t.Context(), runID, gone()); err != nil {
		t.Fatalf("a report is refused for what follows from it: %v", err)
	}
	if err := p.Tick(t.Context()); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a tick without the config service = %v", err)
	}
	p.Exports = answering
	tick(t, p)
	if r, err := p.Store.Get(t.Context(), nextID); err != nil || !r.GetReplanned() {
		t.Errorf("the run in its place is %v, %v", r, err)
	}
}

// memSource holds everything since an instant, or does not answer.
type memSource struct {
	from time.Time
	err  error
}

func (m memSource) Earliest(context.Context, []string) (time.Time, error) { return m.from, m.err }

func TestBackfill(t *testing.T) {
	p, b := planner(t, bustest.Start(t), &clock{at: now}, acme("acme-daily", "02:00"))
	if _, err := p.Start(t.Context(), "acme-daily", "2026-01-12", ann); err != nil {
		t.Fatal(err)
	}
	p.Source = memSource{from: now.AddDate(0, 0, -2).Add(-11 * time.Hour)} // before 02:00 on the 10th
	outcomes := func(dates plan.Range) (*planv1.BackfillResponse, []string) {
		t.Helper()
		answer, err := p.Backfill(t.Context(), "acme-daily", dates, ann)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range answer.GetDates() {
			got = append(got, d.GetExportDate()[8:]+" "+strings.TrimPrefix(d.GetOutcome().String(), "BACKFILL_OUTCOME_"))
		}
		return answer, got
	}
	for range 2 { // a dry run does nothing
		answer, got := outcomes(plan.Range{From: "2026-01-09", To: "2026-01-12", Dry: true})
		same(t, "outcomes", []string{"09 NOT_OWED", "10 PLANNED", "11 PLANNED", "12 EXISTS"}, got)
		if !answer.GetSourceChecked() || answer.GetPlannedCount() != 2 {
			t.Errorf("answered %v", answer)
		}
	}
	p.Source = memSource{from: now.AddDate(0, 0, -1).Add(-11 * time.Hour)}
	for _, want := range []string{"PLANNED", "EXISTS"} { // repeated, it finds what it planned
		_, got := outcomes(plan.Range{From: "2026-01-09", To: "2026-01-12"})
		same(t, "outcomes", []string{"09 NOT_OWED", "10 SOURCE_GONE", "11 " + want, "12 EXISTS"}, got)
	}
	if e := told(t, b, "run.planned"); e.GetExportDate() != "2026-01-11" || e.GetActor() != ann.Author {
		t.Errorf("told %v", e)
	}
	p.Source = memSource{err: errors.New("away")}
	if answer, got := outcomes(plan.Range{From: "2026-01-10", To: "2026-01-10", Dry: true}); got[0] != "10 PLANNED" || answer.GetSourceChecked() {
		t.Errorf("without an answer of the source: %v", answer)
	}
	_, err := p.Backfill(t.Context(), "acme-daily", plan.Range{From: "2026-01-10", To: "2026-01-13"}, ann)
	refused(t, "a backfill of the future", err, fault.State, fault.ReasonNotDue)
	_, err = p.Backfill(t.Context(), "other", plan.Range{From: "2026-01-10", To: "2026-01-12"}, ann)
	refused(t, "a backfill of no export", err, fault.NotFound, fault.ReasonNotFound)
	if ids, err := p.Store.RunIDs(t.Context()); len(ids) != 2 || err != nil {
		t.Errorf("runs %v, %v; want those of the 11th and 12th", ids, err)
	}
}

func TestListNarrows(t *testing.T) {
	p, _ := planner(t, bustest.Start(t), &clock{at: now}, acme("one", "02:00"), acme("two", "02:00"))
	tick(t, p)
	if _, err := p.Cancel(t.Context(), "one-20260111-1", ann); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		filter plan.Filter
		want   []string
	}{
		{plan.Filter{ExportID: "one", From: "2026-01-11"}, []string{"one-20260112-1", "one-20260111-1"}},
		{plan.Filter{From: "2026-01-10", To: "2026-01-10"}, []string{"one-20260110-1", "two-20260110-1"}},
		{plan.Filter{State: run.Cancelled}, []string{"one-20260111-1"}},
		{plan.Filter{State: run.Measuring, ExportDate: "2026-01-11"}, []string{"two-20260111-1"}},
		{plan.Filter{ExportID: "on"}, nil},
	} {
		runs, _, err := p.List(t.Context(), test.filter, plan.Page{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range runs {
			got = append(got, r.GetRef().GetRunId())
		}
		same(t, "runs", test.want, got)
	}
	for _, bad := range []plan.Filter{{From: "2026-01-12", To: "2026-01-11"}, {ExportDate: "2026-02-30"}, {From: "2026-13-01"}} {
		_, _, err := p.List(t.Context(), bad, plan.Page{})
		refused(t, "listing", err, fault.Invalid, fault.ReasonValidation)
	}
}
