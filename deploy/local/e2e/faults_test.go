package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/customer-exports/exports/deploy/local/demo"
	"github.com/customer-exports/exports/deploy/local/stack"
	"github.com/customer-exports/exports/deploy/local/warehouse"
	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
)

const (
	// faultAttempts is how often a task is tried while the source misbehaves.
	faultAttempts = 3
	// ofExtract and ofMeasure are in one statement of a run each: that which reads the items, and that which counts.
	ofExtract = "t.ITEM_ID AS ITEM_ID"
	ofMeasure = "COUNT(*)"
	// bystander is the table that no fault strikes.
	bystander = "DIM_LOCATIONS"
)

// misbehaviour is a fault and what becomes of the run that it strikes: how many attempts fail, for which reason, and
// whether that was the last one.
type misbehaviour struct {
	name   string
	fault  warehouse.Fault
	failed int
	reason fault.Reason
	fatal  bool
}

func misbehaviours() []misbehaviour {
	of := func(sql string, kind warehouse.FaultKind, times int) warehouse.Fault {
		return warehouse.Fault{Kind: kind, SQL: sql, Times: times, Chunk: new(0)} // of the chunks, the first one only
	}
	slow := warehouse.Fault{Kind: warehouse.SlowQuery, SQL: ofExtract, Delay: time.Second}
	timeout := warehouse.Fault{Kind: warehouse.QueryError, SQL: ofExtract, Code: "000630", SQLState: "57014"}
	refusal := warehouse.Fault{Kind: warehouse.QueryError, SQL: ofExtract, Code: "001003", SQLState: "42000"}
	// Before the attempt fails: of one chunk, and of one answer.
	const reads, answers = 3, 2
	return []misbehaviour{
		{"address expired", of(ofExtract, warehouse.ChunkForbidden, 1), 1, fault.ReasonChunkExpired, false},
		{"address always expired", of(ofExtract, warehouse.ChunkForbidden, faultAttempts), faultAttempts, fault.ReasonChunkExpired, true},
		{"chunk unavailable", of(ofExtract, warehouse.ChunkUnavailable, 1), 0, "", false},
		{"chunk stalls", of(ofExtract, warehouse.ChunkStall, 1), 1, fault.ReasonSourceStalled, false},
		{"connection lost", of(ofExtract, warehouse.ChunkLost, reads-1), 0, "", false},
		{"connection lost each time", of(ofExtract, warehouse.ChunkLost, reads), 1, fault.ReasonSourceTruncated, false},
		{"cut inside a message", of(ofExtract, warehouse.CutMidMessage, reads-1), 0, "", false},
		{"cut inside a message each time", of(ofExtract, warehouse.CutMidMessage, reads), 1, fault.ReasonSourceTruncated, false},
		{"cut between messages", of(ofExtract, warehouse.CutAtBoundary, reads-1), 0, "", false},
		{"cut between messages each time", of(ofExtract, warehouse.CutAtBoundary, reads), 1, fault.ReasonSourceTruncated, false},
		{"always cut", of(ofExtract, warehouse.CutAtBoundary, reads*faultAttempts), faultAttempts, fault.ReasonSourceTruncated, true},
		{"count cut", of(ofMeasure, warehouse.CutAtBoundary, reads), 1, fault.ReasonSourceTruncated, false},
		{"session expires", of(ofExtract, warehouse.SessionExpired, 1), 0, "", false},
		{"wrong total", of(ofExtract, warehouse.WrongTotal, 1), 1, fault.ReasonSourceTruncated, false},
		{"wrong total of the count", of(ofMeasure, warehouse.WrongTotal, 1), 1, fault.ReasonSourceTruncated, false},
		{"wrong chunk count", of(ofExtract, warehouse.WrongChunkCount, 1), 1, fault.ReasonSourceTruncated, false},
		{"JSON", of(ofExtract, warehouse.JSONResult, 1), 1, fault.ReasonSourceNotArrow, false},
		{"count in JSON", of(ofMeasure, warehouse.JSONResult, 1), 1, fault.ReasonSourceNotArrow, false},
		{"answer lost", of(ofExtract, warehouse.AnswerLost, 1), 0, "", false},
		{"answer lost again", of(ofExtract, warehouse.AnswerLost, answers), 1, fault.ReasonSourceUnavailable, false},
		{"answer stalls", of(ofExtract, warehouse.AnswerStall, 1), 1, fault.ReasonSourceStalled, false},
		{"slow", slow, 0, "", false},
		{"statement times out", timeout, 1, fault.ReasonSourceUnavailable, false},
		{"statement refused", refusal, 1, fault.ReasonSourceRefused, true},
	}
}

// TestFaultsNeverLandAShortFile arms one fault after the other while a drop is delivered, each for a customer of its own.
// A drop has every row of the warehouse, or there is none and its run says why.
func TestFaultsNeverLandAShortFile(t *testing.T) {
	s := stackFor(t, func(c *stack.Config) {
		c.ChunkRows = 5000 // above a record batch, so that a chunk can end early between two
		c.Settings.PartTargetRows, c.Settings.MaxAttempts = 1_000_000, faultAttempts
		c.Settings.AckWait, c.Settings.StallTimeout = 10*time.Second, 3*time.Second
	})
	at, covered := anHourAgo(), map[warehouse.FaultKind]bool{}
	for i, m := range misbehaviours() {
		covered[m.fault.Kind] = true
		t.Run(m.name, func(t *testing.T) { deliverWhile(t, s, m, small(i), at) })
	}
	for _, kind := range warehouse.FaultKinds() {
		if !covered[kind] {
			t.Errorf("no case arms %s", kind)
		}
	}
}

// small has one table of several chunks, and one that is there at once and must wait for it.
func small(i int) demo.Engagement {
	e := demo.Engagements()[0]
	e.Shared = true
	e.CustomerID, e.Tables = fmt.Sprintf("fault-%02d", i), []string{bystander, "FACT_TRANSACTION_ITEMS"}
	return e
}

func deliverWhile(t *testing.T, s *stack.Stack, m misbehaviour, e demo.Engagement, at due) {
	defer s.Warehouse.Faults().Clear()
	if err := s.Warehouse.Faults().Arm(m.fault); err != nil {
		t.Fatal(err)
	}
	run := end(t, s, begin(t, s, e, at))
	if left := s.Warehouse.Faults().Armed(); len(left) > 0 {
		t.Errorf("never struck: %+v", left)
	}
	if got, want := reasons(run), slices.Repeat([]string{string(m.reason)}, m.failed); !slices.Equal(got, want) {
		t.Errorf("the record names the failures %q, want %q", got, want)
	}
	if m.fatal {
		absent(t, s, e, run)
	} else {
		whole(t, s, demo.Result{Engagement: e, Run: run})
	}
}

// reasons are those of the failures on record, without those of the table that no fault strikes: when the run has ended
// meanwhile, its part is refused.
func reasons(run *planv1.Run) []string {
	var all []string
	for _, f := range run.GetFailures() {
		if f.GetTable() != bystander {
			all = append(all, f.GetReason())
		}
	}
	return all
}

// absent asserts that a run failed and shows at most that it was begun.
func absent(t *testing.T, s *stack.Stack, e demo.Engagement, run *planv1.Run) {
	t.Helper()
	if run.GetState() != planv1.RunState_RUN_STATE_FAILED {
		t.Errorf("the run is %s, want failed", run.GetState())
	}
	started := drop.StartedKey(run.GetRef().GetExportDate(), run.GetRef().GetRunId())
	for _, key := range visible(t, s, e) {
		if key != started {
			t.Errorf("%s is in the bucket of a failed run", key)
		}
	}
}

// whole asserts that a drop is there, all of it, and nothing else.
func whole(t *testing.T, s *stack.Stack, r demo.Result) {
	t.Helper()
	if r.Run.GetState() != planv1.RunState_RUN_STATE_COMMITTED {
		t.Fatalf("the run is %s, want committed", r.Run.GetState())
	}
	report := reportOf(t, s, r).Runs[0]
	if diff := cmp.Diff(promised(report), visible(t, s, r.Engagement)); diff != "" {
		t.Errorf("in the bucket (-promised +found):\n%s", diff)
	}
	for _, table := range report.Tables {
		compare(t, s, r, table)
	}
}
