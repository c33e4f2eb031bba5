package run

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
)

var (
	dueAt = noon.Add(-10 * time.Hour)
	later = noon.Add(-time.Hour)
)

// ended is a run that was read at its due time and has ended so.
func ended(t testing.TB, s planv1.RunState) *planv1.Run {
	t.Helper()
	r := inState(t, s)
	r.Ref.Revision, r.Ref.ExportDate, r.Ref.ExportId = 3, "2026-01-10", "acme-daily"
	r.Ref.DueTime, r.Ref.AsOfTime = timestamppb.New(dueAt), timestamppb.New(dueAt)
	r.DeadlineTime = timestamppb.New(dueAt.Add(24 * time.Hour))
	return r
}

// lost is one that failed because its as-of time is gone; the source told that it holds what is later than from.
func lost(t testing.TB, from ...time.Time) *planv1.Run {
	t.Helper()
	r := ended(t, Failed)
	for _, at := range from {
		r.Failures = append(r.Failures, &planv1.Failure{Reason: "SOURCE_AS_OF_GONE", EarliestAsOfTime: timestamppb.New(at)})
	}
	r.Failures = append(r.Failures, &planv1.Failure{Reason: "SOURCE_AS_OF_GONE"}, &planv1.Failure{Reason: "SOURCE_STALLED"})
	return r
}

func TestReExtract(t *testing.T) {
	for _, test := range []struct {
		name   string
		run    *planv1.Run
		asOf   time.Time
		want   time.Time
		reason fault.Reason
	}{
		{"committed", ended(t, Committed), time.Time{}, dueAt, ""},
		{"failed", ended(t, Failed), time.Time{}, dueAt, ""},
		{"cancelled", ended(t, Cancelled), later, later, ""},
		{"just now", ended(t, Committed), noon, noon, ""},
		{"a day before", ended(t, Committed), dueAt.Add(-24 * time.Hour), dueAt.Add(-24 * time.Hour), ""},
		{"the future", ended(t, Committed), noon.Add(time.Millisecond), time.Time{}, fault.ReasonValidation},
		{"long before", ended(t, Committed), dueAt.Add(-24*time.Hour - time.Millisecond), time.Time{}, fault.ReasonValidation},
		{"quarantined", ended(t, Quarantined), time.Time{}, time.Time{}, fault.ReasonQuarantined},
		{"measuring", ended(t, Measuring), time.Time{}, time.Time{}, fault.ReasonRunNotEnded},
		{"committing", ended(t, Committing), later, time.Time{}, fault.ReasonRunNotEnded},
	} {
		t.Run(test.name, func(t *testing.T) {
			next, err := ReExtract(test.run, test.asOf, act("ReExtract"), noon)
			if fault.ReasonOf(err) != test.reason {
				t.Fatalf("ReExtract = %v, want reason %q", err, test.reason)
			}
			if err == nil && !next.GetRef().GetAsOfTime().AsTime().Equal(test.want) {
				t.Errorf("it is read at %s, want %s", next.GetRef().GetAsOfTime().AsTime(), test.want)
			}
		})
	}
}

// TestAReExtractionIsARunOfItsOwn compares the whole record.
func TestAReExtractionIsARunOfItsOwn(t *testing.T) {
	r := ended(t, Committed)
	next, err := ReExtract(r, later, act("ReExtract"), noon)
	if err != nil {
		t.Fatal(err)
	}
	want := ended(t, Measuring)
	want.Ref.RunId, want.Ref.AsOfTime, want.SupersedesRunId = "acme-daily-20260110-2", timestamppb.New(later), "acme-daily-20260110-1"
	want.Tables, want.Acts = sample("DIM_DATES", "FACT_REVIEWS").GetTables(), []*planv1.Act{act("ReExtract")}
	want.CreateTime, want.UpdateTime = timestamppb.New(noon), timestamppb.New(noon)
	if diff := cmp.Diff(want, next, protocmp.Transform()); diff != "" {
		t.Errorf("the new run differs (-want +got):\n%s", diff)
	}
}

// TestAReplacedInstantStaysNamedAsSuch reads a run of another instant once more, at that instant and at the due time.
func TestAReplacedInstantStaysNamedAsSuch(t *testing.T) {
	r := ended(t, Committed)
	r.Ref.AsOfTime, r.AsOfReplanned = timestamppb.New(later), true
	for asOf, want := range map[time.Time]bool{{}: true, noon: true, dueAt: false} {
		if next, err := ReExtract(r, asOf, act("ReExtract"), noon); err != nil || next.GetAsOfReplanned() != want {
			t.Errorf("read at %s: as-of re-planned %v, %v; want %v", asOf, next.GetAsOfReplanned(), err, want)
		}
	}
}

func inForce(revision int64) *configv1.Revision {
	return &configv1.Revision{Revision: revision, Spec: &configv1.ExportSpec{Tables: []*configv1.TableSelection{{Table: "DIM_LOCATIONS"}}}}
}

func TestRePlan(t *testing.T) {
	for _, test := range []struct {
		name      string
		run       *planv1.Run
		asOf      time.Time
		revision  int64
		want      time.Time
		otherAsOf bool
		reason    fault.Reason
	}{
		{"another revision, the same instant", ended(t, Committed), time.Time{}, 4, dueAt, false, ""},
		{"another revision and instant", ended(t, Committed), later, 4, later, false, ""},
		{"gone, nothing told", lost(t), time.Time{}, 3, noon, true, ""},
		{"gone, the latest of what was told", lost(t, later, later.Add(-time.Hour)), time.Time{}, 3, later, true, ""},
		{"gone, rounded up", lost(t, later.Add(time.Microsecond)), time.Time{}, 3, later.Add(time.Millisecond), true, ""},
		{"gone, an instant asked for", lost(t, later), noon, 3, noon, true, ""},
		{"gone, told of the future", lost(t, noon.Add(time.Hour)), time.Time{}, 3, noon, true, ""},
		{"gone, told of the past", lost(t, dueAt), time.Time{}, 3, noon, true, ""},
		{"failed for something else", ended(t, Failed), time.Time{}, 3, time.Time{}, false, fault.ReasonPlanNotStale},
		{"nothing stale", ended(t, Committed), later, 3, time.Time{}, false, fault.ReasonPlanNotStale},
		{"quarantined", ended(t, Quarantined), time.Time{}, 4, time.Time{}, false, fault.ReasonQuarantined},
		{"going on", ended(t, Extracting), time.Time{}, 4, time.Time{}, false, fault.ReasonRunNotEnded},
	} {
		t.Run(test.name, func(t *testing.T) {
			next, err := RePlan(test.run, inForce(test.revision), test.asOf, act("RePlan"), noon)
			if fault.ReasonOf(err) != test.reason {
				t.Fatalf("RePlan = %v, want reason %q", err, test.reason)
			}
			if err != nil {
				return
			}
			ref := next.GetRef()
			if !ref.GetAsOfTime().AsTime().Equal(test.want) || next.GetAsOfReplanned() != test.otherAsOf || !next.GetReplanned() {
				t.Errorf("it is read at %s, as-of re-planned %v; want %s, %v", ref.GetAsOfTime().AsTime(), next.GetAsOfReplanned(), test.want, test.otherAsOf)
			}
			if ref.GetRevision() != test.revision || len(next.GetTables()) != 1 || next.GetTables()[0].GetTable() != "DIM_LOCATIONS" {
				t.Errorf("it follows revision %d with %v", ref.GetRevision(), next.GetTables())
			}
		})
	}
}

func TestRecover(t *testing.T) {
	chosen, again, tried := lost(t), lost(t, later), ended(t, Failed)
	chosen.Ref.AsOfTime = timestamppb.New(later)
	again.AsOfReplanned = true
	tried.Failures = []*planv1.Failure{{Reason: "SOURCE_AS_OF_GONE", WillRetry: true}, {Reason: "SOURCE_REFUSED"}}
	lateCommit := lost(t)
	lateCommit.State = Committed
	for _, test := range []struct {
		name string
		run  *planv1.Run
		want bool
	}{
		{"gone", lost(t, later), true},
		{"an instant that somebody chose", chosen, false},
		{"planned anew before", again, false},
		{"failed for something else in the end", tried, false},
		{"visible after all", lateCommit, false},
	} {
		next, found := Recover(test.run, noon)
		if found != test.want {
			t.Errorf("%s: recovered %v, want %v", test.name, found, test.want)
		}
		if !found {
			continue
		}
		ref, acts := next.GetRef(), next.GetActs()
		if ref.GetRevision() != 3 || !ref.GetAsOfTime().AsTime().Equal(later) || !next.GetReplanned() || !next.GetAsOfReplanned() ||
			next.GetSupersedesRunId() != "acme-daily-20260110-1" || len(acts) != 1 || acts[0].GetAuthor() != Author {
			t.Errorf("%s: got %v", test.name, next)
		}
	}
}

// TestRecoveredOnlyOnce lets every run that recovers another one fail for the same reason, re-extracted or not in between.
func TestRecoveredOnlyOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r, recovered := lost(t), 0
		for range rapid.IntRange(1, 6).Draw(rt, "ends") {
			next, found := Recover(r, noon)
			if found {
				recovered++
			} else {
				var err error
				if next, err = ReExtract(r, time.Time{}, act("ReExtract"), noon); err != nil {
					rt.Fatal(err)
				}
			}
			next.State, next.Failures = Failed, lost(t).GetFailures()
			r = next
		}
		if recovered != 1 {
			rt.Errorf("recovered %d times", recovered)
		}
	})
}
