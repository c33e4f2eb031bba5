package e2e

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/customer-exports/exports/deploy/local/demo"
	"github.com/customer-exports/exports/deploy/local/stack"
	"github.com/customer-exports/exports/deploy/local/traces"
	"github.com/customer-exports/exports/deploy/local/warehouse"
	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/obs"
)

// moment is a point in the middle of an attempt at which the extractor's process is held by the source, and killed. An
// attempt to measure has no table.
type moment struct {
	table string
	hold  warehouse.Fault
}

func moments() []moment {
	return []moment{
		{"", warehouse.Fault{Kind: warehouse.SlowQuery, SQL: ofMeasure, Delay: time.Hour}},
		{"FACT_REVIEWS", warehouse.Fault{Kind: warehouse.SlowQuery, SQL: "t.RESPONSE_SECONDS AS", Delay: time.Hour}},
		// The rows that came with the answer and the first chunk are on their way to delivery.
		{"FACT_TRANSACTION_ITEMS", warehouse.Fault{Kind: warehouse.ChunkStall, SQL: ofExtract, Chunk: new(1)}},
	}
}

// TestKilledExtractor kills the extractor's process at three moments of one run: while it counts, while it waits for
// rows, and with half a part sent. The files are those of an undisturbed run of a customer with the same scope.
func TestKilledExtractor(t *testing.T) {
	s := stackFor(t, func(c *stack.Config) {
		// One task at a time, and patience: an attempt ends by the kill or not at all.
		c.Without, c.Settings.Concurrency, c.Settings.StallTimeout = []string{"extractor"}, 1, time.Hour
	})
	calm, disturbed, at := demo.Engagements()[0], demo.Engagements()[0], anHourAgo()
	disturbed.CustomerID, disturbed.Name, disturbed.Shared = "bella-twin", "Bella Twin", true

	process := startService(t, s, "extractor")
	awaitServing(t, processes()[2], dial(t, s.Ports.Extractor))
	want := demo.Result{Engagement: calm, Run: end(t, s, begin(t, s, calm, at))}

	for _, m := range moments() {
		if err := s.Warehouse.Faults().Arm(m.hold); err != nil {
			t.Fatal(err)
		}
	}
	run := begin(t, s, disturbed, at)
	for _, m := range moments() {
		awaitHeld(t, s, run.GetTraceId(), m)
		kill(t, process)
		process = startService(t, s, "extractor")
	}
	got := demo.Result{Engagement: disturbed, Run: end(t, s, run)}

	whole(t, s, got)
	sameFiles(t, s, want, got)
	checkKills(t, s, got)
}

// awaitHeld waits until the source holds the process. Where the attempt is to be seen in the trace, that has come out
// too: a killed process takes along what it has not sent.
func awaitHeld(t *testing.T, s *stack.Stack, traceID string, m moment) {
	t.Helper()
	eventually(t, "the source holds "+string(m.hold.Kind)+" "+m.table, func() bool {
		armed := slices.ContainsFunc(s.Warehouse.Faults().Armed(), func(f warehouse.Fault) bool { return f.SQL == m.hold.SQL })
		return !armed && (m.table == "" || len(treeOf(s.Traces.Trace(traceID)).of(obs.SpanExtractStarted, m.table)) > 0)
	})
}

// sameFiles asserts that two runs gave the same number of files with the same rows, table by table.
func sameFiles(t *testing.T, s *stack.Stack, want, got demo.Result) {
	t.Helper()
	report := reportOf(t, s, want, got)
	for i, table := range report.Runs[1].Tables {
		layout, err := dictionary.Standard().Layout(table.Table, nil)
		if err != nil {
			t.Fatal(err)
		}
		calm := report.Runs[0].Tables[i]
		if len(calm.Files) != len(table.Files) {
			t.Errorf("%s has %d files after three kills, %d without", table.Table, len(table.Files), len(calm.Files))
		}
		if diff := cmp.Diff(byParquetGo(t, layout, paths(s, want.Engagement, calm)), byParquetGo(t, layout, paths(s, got.Engagement, table))); diff != "" {
			t.Errorf("%s after three kills differs (-calm +killed):\n%s", table.Table, diff)
		}
	}
}

// checkKills asserts by the trace that each kill cost an attempt of its own: the work was done by a second one.
func checkKills(t *testing.T, s *stack.Stack, r demo.Result) {
	t.Helper()
	var spans tree
	eventually(t, "the trace is complete", func() bool {
		spans = treeOf(s.Traces.Trace(r.Run.GetTraceId()))
		return len(spans.of(obs.SpanExtract, "")) == parts(r.Run) && len(spans.of(obs.SpanSummary, "")) == 1
	})
	if got, want := len(spans.of(obs.SpanExtractStarted, "")), parts(r.Run)+2; got != want {
		t.Errorf("%d attempts to extract were started for %d parts, want %d", got, parts(r.Run), want)
	}
	for _, m := range moments() {
		name := obs.SpanExtract
		if m.table == "" {
			name = obs.SpanMeasure
		}
		second := func(span traces.Span) bool { return span.Attributes[obs.KeyAttempt] == "2" }
		if done := spans.of(name, m.table); !slices.ContainsFunc(done, second) {
			t.Errorf("no second attempt at %q %s: its kill hit no work in progress", name, m.table)
		}
	}
	cut := func(span traces.Span) bool { return span.Failed() && span.Attributes[obs.KeyAttempt] == "1" }
	if !slices.ContainsFunc(spans.of(obs.SpanEncode, "FACT_TRANSACTION_ITEMS"), cut) {
		t.Error("no part was cut off half sent")
	}
}
