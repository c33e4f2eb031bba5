// Package audittest is the acceptance suite of audit.Log, what the chain relies upon, and the log in memory that passes
// it. It refuses to be more than a test double: MemLog forgets with its process. Start at Run.
package audittest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/audit"
)

// Run checks logs that open returns, each empty and its own.
func Run(t *testing.T, open func(t *testing.T) audit.Log) {
	t.Run("an empty log", func(t *testing.T) { empty(t, open(t)) })
	t.Run("what is added is read", func(t *testing.T) { roundTrip(t, open(t)) })
	t.Run("only the next is added", func(t *testing.T) { onlyNext(t, open(t)) })
	t.Run("one of many racers is added", func(t *testing.T) { race(t, open(t)) })
	t.Run("a range is narrowed", func(t *testing.T) { narrowed(t, open(t)) })
	t.Run("reading ends early", func(t *testing.T) { early(t, open(t)) })
	t.Run("a cancelled reader is told", func(t *testing.T) { cancelled(t, open(t)) })
}

// Event returns an event with every field set that a log must keep.
func Event(sequence int64, customerID, exportID string) *configv1.AuditEvent {
	return &configv1.AuditEvent{
		Sequence: sequence, EventId: fmt.Sprint("event-", sequence), EventTime: timestamppb.New(time.Unix(1800000000+sequence, 123456789)),
		Actor: "jane", Method: "UpdateExport", Reason: "asked by \"them\"\n\u2028<&>", CustomerId: customerID, ExportId: exportID, Revision: sequence,
		Outcome: configv1.AuditOutcome_AUDIT_OUTCOME_REFUSED, FaultReason: "STALE_ETAG", FaultMessage: "changed meanwhile",
		Changes: []*configv1.FieldChange{
			{Path: "spec.retention_days", Before: "30", After: "60"},
			{Path: "spec.scope.brands", Added: []string{`"Bella"`}, Removed: []string{`"a"`, `"b"`}, AddedCount: 1, RemovedCount: 2},
		},
		BeforeSha256: "aa", AfterSha256: "bb", RequestId: "r", TraceId: "t", PreviousHash: "p", Hash: fmt.Sprint("hash-", sequence),
	}
}

func add(t *testing.T, log audit.Log, events ...*configv1.AuditEvent) {
	t.Helper()
	for _, e := range events {
		if err := log.Append(t.Context(), e); err != nil {
			t.Fatalf("Append(%d): %v", e.GetSequence(), err)
		}
	}
}

// Read returns all that is in the range.
func Read(t testing.TB, log audit.Log, r audit.Range) []audit.Entry {
	t.Helper()
	var entries []audit.Entry
	for entry, err := range log.Read(t.Context(), r) {
		if err != nil {
			t.Fatalf("Read(%+v): %v", r, err)
		}
		entries = append(entries, entry)
	}
	return entries
}

func wantHead(t *testing.T, log audit.Log, want audit.Head) {
	t.Helper()
	if got, err := log.Head(t.Context()); err != nil || got != want {
		t.Errorf("Head: got %+v, %v, want %+v", got, err, want)
	}
}

func empty(t *testing.T, log audit.Log) {
	wantHead(t, log, audit.Head{})
	for _, r := range []audit.Range{{}, {From: 1, To: 1}, {From: 1, To: 100}, {From: 5, To: 4}} {
		if got := Read(t, log, r); len(got) != 0 {
			t.Errorf("Read(%+v): got %v, want nothing", r, got)
		}
	}
}

func roundTrip(t *testing.T, log audit.Log) {
	want := []audit.Entry{{Sequence: 1, Event: Event(1, "acme", "acme-daily")}, {Sequence: 2, Event: Event(2, "", "")}, {Sequence: 3, Event: &configv1.AuditEvent{Sequence: 3}}}
	for _, entry := range want {
		add(t, log, entry.Event)
	}
	if diff := cmp.Diff(want, Read(t, log, audit.Range{From: 1, To: 3}), protocmp.Transform()); diff != "" {
		t.Errorf("entries differ (-added +read):\n%s", diff)
	}
	wantHead(t, log, audit.Head{Sequence: 3, Count: 3})
}

func onlyNext(t *testing.T, log audit.Log) {
	for _, sequence := range []int64{0, 2, -1} {
		if err := log.Append(t.Context(), Event(sequence, "acme", "")); !errors.Is(err, audit.ErrMoved) {
			t.Errorf("Append(%d) to an empty log: got %v, want ErrMoved", sequence, err)
		}
	}
	add(t, log, Event(1, "acme", ""))
	for _, sequence := range []int64{1, 3} {
		// Another subject: the log is one chain, not one for each customer.
		if err := log.Append(t.Context(), Event(sequence, "bella", "")); !errors.Is(err, audit.ErrMoved) {
			t.Errorf("Append(%d) behind event 1: got %v, want ErrMoved", sequence, err)
		}
	}
	wantHead(t, log, audit.Head{Sequence: 1, Hash: "hash-1", Count: 1})
}

func race(t *testing.T, log audit.Log) {
	outcomes := make([]error, 8)
	var wait sync.WaitGroup
	for i := range outcomes {
		wait.Go(func() { outcomes[i] = log.Append(t.Context(), Event(1, fmt.Sprint("customer-", i), "")) })
	}
	wait.Wait()
	winners := slices.DeleteFunc(slices.Clone(outcomes), func(err error) bool { return errors.Is(err, audit.ErrMoved) })
	if len(winners) != 1 || winners[0] != nil {
		t.Errorf("Append by 8 racers: got %v, want one nil, else ErrMoved", outcomes)
	}
	wantHead(t, log, audit.Head{Sequence: 1, Hash: "hash-1", Count: 1})
}

func narrowed(t *testing.T, log audit.Log) {
	for i := range int64(300) {
		add(t, log, Event(i+1, []string{"acme", "bella", ""}[i%3], []string{"", "daily", "weekly", "hourly"}[i%4]))
	}
	for _, r := range []audit.Range{
		{From: 1, To: 300},
		{From: 7, To: 7},
		{From: 300, To: 400},
		{From: 301, To: 400},
		{From: 12, To: 240},
		{From: 1, To: 300, CustomerID: "acme"},
		{From: 2, To: 150, CustomerID: "bella", ExportID: "weekly"},
		{From: 1, To: 300, ExportID: "hourly"},
		{From: 3, To: 3, CustomerID: "acme"},
		{From: 1, To: 300, CustomerID: "nobody"},
	} {
		var want, got []int64
		for i := range int64(300) {
			e := Event(i+1, []string{"acme", "bella", ""}[i%3], []string{"", "daily", "weekly", "hourly"}[i%4])
			if i+1 >= r.From && i+1 <= r.To && (r.CustomerID == "" || r.CustomerID == e.GetCustomerId()) && (r.ExportID == "" || r.ExportID == e.GetExportId()) {
				want = append(want, i+1)
			}
		}
		for _, entry := range Read(t, log, r) {
			got = append(got, entry.Sequence)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Read(%+v) (-want +got):\n%s", r, diff)
		}
	}
}

func early(t *testing.T, log audit.Log) {
	add(t, log, Event(1, "acme", ""), Event(2, "acme", ""), Event(3, "acme", ""))
	for entry, err := range log.Read(t.Context(), audit.Range{From: 1, To: 3}) {
		if err != nil || entry.Sequence != 1 {
			t.Fatalf("first: got %v, %v, want event 1", entry.Sequence, err)
		}
		break
	}
	if got := Read(t, log, audit.Range{From: 1, To: 3}); len(got) != 3 {
		t.Errorf("Read after a read that ended early: got %d events, want 3", len(got))
	}
}

// cancelled must not look like a log that ends here.
func cancelled(t *testing.T, log audit.Log) {
	add(t, log, Event(1, "acme", ""), Event(2, "acme", ""))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, r := range []audit.Range{{From: 1, To: 2}, {From: 1, To: 1}} {
		var last error
		for _, err := range log.Read(ctx, r) {
			last = err
		}
		if !errors.Is(last, context.Canceled) {
			t.Errorf("Read(%+v) cancelled: got %v, want context.Canceled", r, last)
		}
	}
	if err := log.Append(ctx, Event(3, "acme", "")); !errors.Is(err, context.Canceled) {
		t.Errorf("Append cancelled: got %v, want context.Canceled", err)
	}
}
