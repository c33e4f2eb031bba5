package audit_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/audit"
	"github.com/customer-exports/exports/services/config/internal/audit/audittest"
)

var everything = audit.Range{From: 1, To: 1 << 40}

func noon() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

func TestMemLog(t *testing.T) {
	audittest.Run(t, func(*testing.T) audit.Log { return &audittest.MemLog{} })
}

func TestAppendCompletesTheEvent(t *testing.T) {
	log := &audittest.MemLog{}
	chain := audit.New(log, noon)
	var events []*configv1.AuditEvent
	for range 3 {
		e := audittest.Event(99, "acme", "acme-daily")
		if err := chain.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	previous, ids := "", map[string]bool{}
	for i, e := range events {
		if e.GetSequence() != int64(i+1) || e.GetPreviousHash() != previous || e.GetHash() != hashOf(t, e) || !e.GetEventTime().AsTime().Equal(noon()) {
			t.Errorf("event %d is %v, want it numbered, timed and linked to %q", i+1, e, previous)
		}
		previous, ids[e.GetEventId()] = e.GetHash(), true
	}
	if len(ids) != 3 || ids[""] {
		t.Errorf("event ids are %v, want 3 different ones", ids)
	}
	var stored []*configv1.AuditEvent
	for _, entry := range audittest.Read(t, log, everything) {
		stored = append(stored, entry.Event)
	}
	if diff := cmp.Diff(events, stored, protocmp.Transform()); diff != "" {
		t.Errorf("events differ (-returned +stored):\n%s", diff)
	}
}

func TestChainsShareALog(t *testing.T) {
	log := &audittest.MemLog{}
	var wait sync.WaitGroup
	for range 3 {
		chain := audit.New(log, noon)
		for range 4 {
			wait.Go(func() {
				for range 25 {
					if err := chain.Append(t.Context(), audittest.Event(0, "acme", "")); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	wait.Wait()
	wantWhole(t, audit.New(log, noon), 300)
}

// TestACancelledCallerIsRecorded has a caller that left before the event was stored.
func TestACancelledCallerIsRecorded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	chain := audit.New(&audittest.MemLog{}, noon)
	if err := chain.Append(ctx, audittest.Event(0, "acme", "")); err != nil {
		t.Fatal(err)
	}
	wantWhole(t, chain, 1)
}

// TestALostAnswerIsOneEvent stores, but says that it did not know; others come in between or not.
func TestALostAnswerIsOneEvent(t *testing.T) {
	for _, others := range []int{0, 1, 3} {
		log := &audittest.MemLog{}
		other, lost := audit.New(log, noon), 2
		chain := audit.New(&brokenLog{Log: log, broken: func(ctx context.Context, e *configv1.AuditEvent) error {
			err := log.Append(ctx, e)
			if lost--; lost < 0 || err != nil {
				return err
			}
			for range others {
				if err := other.Append(ctx, audittest.Event(0, "bella", "")); err != nil {
					t.Error(err)
				}
			}
			return fault.New(fault.Unavailable, fault.ReasonUnavailable, "no answer")
		}}, noon)
		for range 3 {
			e := audittest.Event(0, "acme", "")
			if err := chain.Append(t.Context(), e); err != nil {
				t.Fatal(err)
			}
			if at := audittest.Read(t, log, audit.Range{From: e.GetSequence(), To: e.GetSequence()}); at[0].Event.GetEventId() != e.GetEventId() {
				t.Errorf("with %d others: the event says that it is number %d, there is another", others, e.GetSequence())
			}
		}
		wantWhole(t, audit.New(log, noon), int64(3+2*others))
	}
}

// TestAppendGivesUp has logs that never take an event. The bubble's clock tells how long they were asked.
func TestAppendGivesUp(t *testing.T) {
	for name, broken := range map[string]func(context.Context, *configv1.AuditEvent) error{
		"always too late": func(context.Context, *configv1.AuditEvent) error { return audit.ErrMoved },
		"never answers":   func(ctx context.Context, _ *configv1.AuditEvent) error { <-ctx.Done(); return ctx.Err() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tries, start := 0, time.Now()
				chain := audit.New(&brokenLog{Log: &audittest.MemLog{}, broken: func(ctx context.Context, e *configv1.AuditEvent) error {
					tries++
					return broken(ctx, e)
				}}, time.Now)
				var wait sync.WaitGroup
				for range 2 { // the second waits for the first, and no longer
					wait.Go(func() {
						err := chain.Append(t.Context(), audittest.Event(0, "acme", ""))
						if fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "recording UpdateExport") {
							t.Errorf("Append: got %v, want unavailable and the method's name", err)
						}
					})
				}
				wait.Wait()
				if took := time.Since(start); took < 9*time.Second || took > 10*time.Second || tries < 3 || tries > 1000 {
					t.Errorf("Append gave up after %s and %d tries, want some tries in 10 s", took, tries)
				}
			})
		})
	}
}

// TestAppendDoesNotWaitForAStuckOne has a log that overlooks its deadline.
func TestAppendDoesNotWaitForAStuckOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chain := audit.New(&brokenLog{Log: &audittest.MemLog{}, broken: func(context.Context, *configv1.AuditEvent) error {
			<-time.After(time.Hour)
			return nil
		}}, time.Now)
		var stuck sync.WaitGroup
		stuck.Go(func() { _ = chain.Append(t.Context(), audittest.Event(0, "acme", "")) })
		synctest.Wait()
		start := time.Now()
		err := chain.Append(t.Context(), audittest.Event(0, "acme", ""))
		if took := time.Since(start); fault.KindOf(err) != fault.Unavailable || took != 10*time.Second {
			t.Errorf("Append: got %v after %s, want unavailable after 10 s", err, took)
		}
		stuck.Wait()
	})
}

func TestAppendDoesNotRepeatARefusal(t *testing.T) {
	tries := 0
	chain := audit.New(&brokenLog{Log: &audittest.MemLog{}, broken: func(context.Context, *configv1.AuditEvent) error {
		tries++
		return fault.New(fault.Denied, fault.ReasonDenied, "no rights")
	}}, noon)
	if err := chain.Append(t.Context(), audittest.Event(0, "acme", "")); fault.KindOf(err) != fault.Internal || tries != 1 {
		t.Errorf("Append: got %v after %d tries, want an internal fault after 1", err, tries)
	}
}

// TestAppendRefusesALogThatWentBack has a log that was emptied while the service runs: a new chain would hide it.
func TestAppendRefusesALogThatWentBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &brokenLog{Log: &audittest.MemLog{}}
		chain := audit.New(log, time.Now)
		for range 2 {
			if err := chain.Append(t.Context(), audittest.Event(0, "acme", "")); err != nil {
				t.Fatal(err)
			}
		}
		log.Log = &audittest.MemLog{}
		if err := chain.Append(t.Context(), audittest.Event(0, "acme", "")); err == nil || !strings.Contains(err.Error(), "ends at event 0, but had 2") {
			t.Errorf("Append: got %v, want a refusal that says where the chain ends", err)
		}
		if got := audittest.Read(t, log, everything); len(got) != 0 {
			t.Errorf("the emptied log holds %d events, want none", len(got))
		}
	})
}

// TestAppendGoesOnBehindAGap records what happens after somebody removed the last event; Verify tells of the gap.
func TestAppendGoesOnBehindAGap(t *testing.T) {
	log := &audittest.MemLog{}
	grow(t, audit.New(log, noon), 3)
	log = audittest.Holding(3, audittest.Read(t, log, everything)[:2])
	chain := audit.New(log, noon)
	grow(t, chain, 1)
	wantFaults(t, chain, nil, audit.Fault{Sequence: 3, Message: "is missing"})
}

// brokenLog is a log with another Append.
type brokenLog struct {
	audit.Log
	broken func(context.Context, *configv1.AuditEvent) error
}

func (l *brokenLog) Append(ctx context.Context, e *configv1.AuditEvent) error {
	if l.broken == nil {
		return l.Log.Append(ctx, e)
	}
	return l.broken(ctx, e)
}

func grow(t *testing.T, chain *audit.Chain, n int) {
	t.Helper()
	for i := range n {
		e := audittest.Event(0, "acme", "acme-daily")
		e.Outcome, e.Revision = configv1.AuditOutcome_AUDIT_OUTCOME_ACCEPTED, int64(i+1)
		if err := chain.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
}

func wantWhole(t *testing.T, chain *audit.Chain, events int64) {
	t.Helper()
	report, err := chain.Verify(t.Context(), nil)
	if err != nil || len(report.Faults) > 0 || report.EventCount != events {
		t.Errorf("Verify: got %+v, %v, want a whole chain of %d events", report, err, events)
	}
}

func wantFaults(t *testing.T, chain *audit.Chain, revisions []audit.Revision, want ...audit.Fault) {
	t.Helper()
	report, err := chain.Verify(t.Context(), revisions)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, report.Faults); diff != "" {
		t.Errorf("faults differ (-want +got):\n%s", diff)
	}
}
