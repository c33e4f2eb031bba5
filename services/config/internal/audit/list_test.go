package audit_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/audit"
	"github.com/customer-exports/exports/services/config/internal/audit/audittest"
)

// TestPagesAreCompleteAndWithoutRepeats compares all pages with what a plain filter finds, while events are added.
func TestPagesAreCompleteAndWithoutRepeats(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		customer, export := rapid.SampledFrom([]string{"", "acme", "bella"}), rapid.SampledFrom([]string{"", "daily", "weekly"})
		actor := rapid.SampledFrom([]string{"", "jane", "joe"})
		add := func(chain *audit.Chain) *configv1.AuditEvent {
			e := &configv1.AuditEvent{
				CustomerId: customer.Draw(t, "customer"), ExportId: export.Draw(t, "export"), Actor: actor.Draw(t, "actor"),
				Outcome: configv1.AuditOutcome(rapid.Int32Range(1, 2).Draw(t, "outcome")),
			}
			if err := chain.Append(context.Background(), e); err != nil {
				t.Fatal(err)
			}
			return e
		}
		q := audit.Query{
			Size: rapid.IntRange(1, 5).Draw(t, "size"), CustomerID: customer.Draw(t, "customer"), ExportID: export.Draw(t, "export"),
			Actor: actor.Draw(t, "actor"), Refused: rapid.Bool().Draw(t, "refused"),
		}
		chain := audit.New(&audittest.MemLog{}, noon)
		var want, got []int64
		for range rapid.IntRange(0, 40).Draw(t, "events") {
			e := add(chain)
			if (q.CustomerID == "" || q.CustomerID == e.GetCustomerId()) && (q.ExportID == "" || q.ExportID == e.GetExportId()) &&
				(q.Actor == "" || q.Actor == e.GetActor()) && (!q.Refused || e.GetOutcome() == configv1.AuditOutcome_AUDIT_OUTCOME_REFUSED) {
				want = append([]int64{e.GetSequence()}, want...)
			}
		}
		for more := true; more; {
			events, next, err := chain.List(context.Background(), q)
			if err != nil || len(events) > q.Size || len(events) == 0 && (next != "" || q.Token != "") {
				t.Fatalf("List(%+v): got %d events, next %q, %v", q, len(events), next, err)
			}
			for _, e := range events {
				got = append(got, e.GetSequence())
			}
			q.Token, more = next, next != ""
			add(chain)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("events differ (-want +got):\n%s", diff)
		}
	})
}

func TestAPageReadsWhatItNeeds(t *testing.T) {
	const length = 50_000
	var entries []audit.Entry
	for i := range int64(length) {
		entries = append(entries, audit.Entry{Sequence: i + 1, Event: &configv1.AuditEvent{Sequence: i + 1, CustomerId: "acme"}})
	}
	log := audittest.Holding(length, entries)
	chain := audit.New(log, noon)
	for _, test := range []struct {
		name      string
		q         audit.Query
		found     int
		mostReads int
		more      bool
	}{
		{"newest", audit.Query{}, 50, 51, true},
		{"by customer", audit.Query{CustomerID: "acme", Size: 200}, 200, 201, true},
		{"nobody's", audit.Query{CustomerID: "nobody"}, 0, 0, false},
		{"nothing refused", audit.Query{Refused: true}, 0, length - 1, true},
	} {
		before := log.Reads()
		events, next, err := chain.List(t.Context(), test.q)
		if err != nil || len(events) != test.found || (next != "") != test.more || log.Reads()-before > test.mostReads {
			t.Errorf("%s: got %d events after %d reads, next %q, %v, want %d after at most %d, more: %t",
				test.name, len(events), log.Reads()-before, next, err, test.found, test.mostReads, test.more)
		}
		if test.q.Refused { // the empty page leads on
			if events, next, err := chain.List(t.Context(), audit.Query{Refused: true, Token: next}); err != nil || len(events) != 0 || next != "" {
				t.Errorf("behind an empty page: got %d events, next %q, %v, want the end", len(events), next, err)
			}
		}
	}
}

// TestBigEventsMakeShortPages keeps an answer within one message.
func TestBigEventsMakeShortPages(t *testing.T) {
	chain := audit.New(&audittest.MemLog{}, noon)
	for range 30 {
		e := &configv1.AuditEvent{}
		for range 60 {
			e.Changes = append(e.Changes, &configv1.FieldChange{After: strings.Repeat("x", 4000)})
		}
		if err := chain.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	q, seen := audit.Query{Size: 200}, int64(0)
	for more := true; more; more = q.Token != "" {
		events, next, err := chain.List(t.Context(), q)
		if err != nil || len(events) == 0 || len(events) > 18 {
			t.Fatalf("List: got %d events, %v, want 1 to 18", len(events), err)
		}
		seen, q.Token = seen+int64(len(events)), next
	}
	if seen != 30 {
		t.Errorf("the pages hold %d events, want 30", seen)
	}
}

func TestUnreadableEventsAreLeftOut(t *testing.T) {
	chain := audit.New(audittest.Holding(2, []audit.Entry{{Sequence: 1, Event: &configv1.AuditEvent{Sequence: 1}}, {Sequence: 2, Problem: "is no audit event"}}), noon)
	if events, next, err := chain.List(t.Context(), audit.Query{}); err != nil || len(events) != 1 || next != "" {
		t.Errorf("List: got %v, %q, %v, want event 1", events, next, err)
	}
}

func TestPagesAreRefused(t *testing.T) {
	chain := audit.New(&audittest.MemLog{}, noon)
	for _, q := range []audit.Query{
		{Size: -1}, {Size: 201}, {Token: "!"}, {Token: "MA"}, {Token: "LTE"}, {Token: "MDE"}, {Token: "MQ=="}, {Token: "MQ\n"}, {Token: "eA"}, {Token: "OTk5OTk5OTk5OTk5OTk5OTk5OTk"},
	} {
		_, _, err := chain.List(t.Context(), q)
		if f, ok := fault.Of(err); !ok || f.Kind != fault.Invalid || len(f.Violations) != 1 {
			t.Errorf("List(%+v): got %v, want one violation", q, err)
		}
	}
	for _, token := range []string{"MQ", "OTIyMzM3MjAzNjg1NDc3NTgwNw"} { // 1, and the biggest number
		if events, next, err := chain.List(t.Context(), audit.Query{Token: token}); err != nil || next != "" || len(events) != 0 {
			t.Errorf("List before %s: got %v, %q, %v, want the end", token, events, next, err)
		}
	}
}
