package run

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"github.com/customer-exports/exports/pkg/fault"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
)

var (
	noon   = time.Date(2026, 1, 10, 12, 0, 0, 0, time.UTC)
	cutter = Cutter{TargetRows: 10, Whole: isShared}
)

// extracting is a run with three parts of two tables.
func extracting(t testing.TB) *planv1.Run {
	t.Helper()
	r := sample("DIM_DATES", "FACT_REVIEWS")
	counts := append(measured("DIM_DATES", "", 7), measured("FACT_REVIEWS", "2026-01-01", 10, "2026-01-02", 5, "", 1)...)
	if changed, err := Measure(r, counts, cutter); !changed || err != nil {
		t.Fatalf("Measure = %v, %v", changed, err)
	}
	return r
}

func receipts(r *planv1.Run) []*deliveryv1.Receipt {
	var all []*deliveryv1.Receipt
	for _, table := range r.GetTables() {
		for _, p := range table.GetParts() {
			all = append(all, &deliveryv1.Receipt{Table: table.GetTable(), PartIndex: p.GetPartIndex(), RowCount: p.GetMeasuredRowCount(), FileBytes: 9})
		}
	}
	return all
}

func committing(t testing.TB) *planv1.Run {
	t.Helper()
	r := extracting(t)
	for _, receipt := range receipts(r) {
		if _, err := Receive(r, receipt); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// TestReportsInAnyOrder replays reports shuffled, repeated and mixed with failures that are tried again: the run ends as
// if each had come once, in order.
func TestReportsInAnyOrder(t *testing.T) {
	want := committing(t)
	rapid.Check(t, func(rt *rapid.T) {
		r := extracting(t)
		all := receipts(r)
		order := rapid.Permutation(append(append(all, all...), all...)).Draw(rt, "order")
		for _, receipt := range order {
			if _, err := Receive(r, proto.CloneOf(receipt)); err != nil {
				rt.Fatal(err)
			}
			if changed, err := Measure(r, measured("OTHER"), cutter); changed || err != nil {
				rt.Fatalf("measuring again = %v, %v; want no change", changed, err)
			}
			// Another attempt of a part that has its receipt gives up: the part is there all the same.
			late := &planv1.Failure{TaskId: partID(r, receipt.GetTable(), receipt.GetPartIndex()), Reason: "SOURCE_STALLED"}
			Fail(r, late)
		}
		r.Failures = nil
		if diff := cmp.Diff(want, r, protocmp.Transform()); diff != "" {
			rt.Errorf("the run differs (-in order +shuffled):\n%s", diff)
		}
	})
}

func TestReceiveRefuses(t *testing.T) {
	failed := extracting(t)
	Fail(failed, &planv1.Failure{Reason: "SOURCE_REFUSED"})
	good := receipts(extracting(t))[0]
	for _, test := range []struct {
		name    string
		run     *planv1.Run
		receipt *deliveryv1.Receipt
		kind    fault.Kind
		reason  fault.Reason
	}{
		{"other rows", extracting(t), &deliveryv1.Receipt{Table: "DIM_DATES", RowCount: 6}, fault.DataLoss, fault.ReasonRowCountMismatch},
		{"an unknown part", extracting(t), &deliveryv1.Receipt{Table: "DIM_DATES", PartIndex: 1, RowCount: 7}, fault.Invalid, fault.ReasonValidation},
		{"a negative index", extracting(t), &deliveryv1.Receipt{Table: "DIM_DATES", PartIndex: -1}, fault.Invalid, fault.ReasonValidation},
		{"before the measurement", sample("DIM_DATES"), good, fault.Unavailable, fault.ReasonUnavailable},
		{"after the end", failed, good, fault.State, fault.ReasonNotActive},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := proto.CloneOf(test.run)
			_, err := Receive(test.run, test.receipt)
			if fault.KindOf(err) != test.kind || fault.ReasonOf(err) != test.reason {
				t.Errorf("Receive = %v; want %s %s", err, test.kind, test.reason)
			}
			if !proto.Equal(before, test.run) {
				t.Error("a refused receipt changed the run")
			}
		})
	}
}

func TestCommit(t *testing.T) {
	failed, quarantined := committing(t), committing(t)
	Fail(failed, &planv1.Failure{Reason: "BUCKET_UNAVAILABLE"})
	Fail(quarantined, &planv1.Failure{Reason: "SCOPE_VIOLATION"})
	done := committing(t)
	if changed, err := Commit(done, "m.json", noon, time.Time{}); !changed || err != nil {
		t.Fatalf("Commit = %v, %v", changed, err)
	}
	for _, test := range []struct {
		name    string
		run     *planv1.Run
		key     string
		changed bool
		kind    fault.Kind
	}{
		{"repeated", done, "m.json", false, ""},
		{"another manifest", done, "other.json", false, fault.State},
		{"parts missing", extracting(t), "m.json", false, fault.Unavailable},
		{"visible although given up", failed, "m.json", true, ""},
		{"quarantined", quarantined, "m.json", false, fault.State},
	} {
		t.Run(test.name, func(t *testing.T) {
			changed, err := Commit(test.run, test.key, noon, time.Time{})
			if changed != test.changed || fault.KindOf(err) != test.kind {
				t.Errorf("Commit = %v, %v; want %v, %q", changed, err, test.changed, test.kind)
			}
		})
	}
}

func TestFail(t *testing.T) {
	r := extracting(t)
	task := Outstanding(r)[0].GetTaskId()
	committed := committing(t)
	_, _ = Commit(committed, "m.json", noon, time.Time{})
	for _, test := range []struct {
		name    string
		run     *planv1.Run
		failure *planv1.Failure
		want    planv1.RunState
	}{
		{"tried again", extracting(t), &planv1.Failure{TaskId: task, WillRetry: true}, Extracting},
		{"given up", extracting(t), &planv1.Failure{TaskId: task}, Failed},
		{"measured by another attempt", extracting(t), &planv1.Failure{TaskId: measureID(r)}, Extracting},
		{"received from another attempt", committing(t), &planv1.Failure{TaskId: task}, Committing},
		{"commit given up", committing(t), &planv1.Failure{TaskId: commitID(r)}, Failed},
		{"row outside the scope", extracting(t), &planv1.Failure{TaskId: task, Reason: "SCOPE_VIOLATION"}, Quarantined},
		{"row outside the scope, done before", committing(t), &planv1.Failure{TaskId: task, Reason: "SCOPE_VIOLATION"}, Quarantined},
		{"after the commit", committed, &planv1.Failure{TaskId: commitID(r)}, Committed},
	} {
		t.Run(test.name, func(t *testing.T) {
			if !Fail(test.run, test.failure) || test.run.GetState() != test.want || len(test.run.GetFailures()) != 1 {
				t.Errorf("state %s with %d failures, want %s with 1", test.run.GetState(), len(test.run.GetFailures()), test.want)
			}
			if Fail(test.run, proto.CloneOf(test.failure)) {
				t.Error("the same failure changed the run twice")
			}
		})
	}
}

func TestFailKeepsTheLast(t *testing.T) {
	r := extracting(t)
	for attempt := range int32(250) {
		Fail(r, &planv1.Failure{Attempt: attempt, WillRetry: true, Message: "two\nlines"})
	}
	got := r.GetFailures()
	if len(got) != maxFailures || got[0].GetAttempt() != 150 || got[99].GetAttempt() != 249 || got[0].GetMessage() != "two lines" {
		t.Errorf("kept %d failures from attempt %d", len(got), got[0].GetAttempt())
	}
}
