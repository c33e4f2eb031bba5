package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/customer-exports/exports/deploy/local/demo"
	"github.com/customer-exports/exports/deploy/local/stack"
	"github.com/customer-exports/exports/deploy/local/traces"
	"github.com/customer-exports/exports/pkg/obs"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
)

// checkTrace asserts that one trace holds the run from due to verdict. It waits for that: spans leave the services in
// batches, and each service sends its own.
func checkTrace(t *testing.T, s *stack.Stack, r demo.Result) {
	t.Helper()
	var wrong []string
	if within(t, 15*time.Second, func() bool {
		wrong = traceFaults(treeOf(s.Traces.Trace(r.Run.GetTraceId())), r.Run)
		return len(wrong) == 0
	}) {
		return
	}
	for _, text := range wrong {
		t.Error(text)
	}
}

// want says how often a span is in a trace, and where: its parent, and another one above it.
type want struct {
	name, parent, above, attribute string
	count                          int
}

func wanted(run *planv1.Run) []want {
	parts := parts(run)
	return []want{
		{name: obs.SpanDue, attribute: obs.KeyRunID, count: 1},
		{name: obs.SpanPlan, parent: obs.SpanDue, attribute: obs.KeyRunID, count: 1},
		{name: obs.SpanMeasure, parent: obs.SpanDue, attribute: obs.KeyRunID, count: 1},
		{name: obs.SpanExtractStarted, parent: obs.SpanDue, attribute: obs.KeyTable, count: parts},
		{name: obs.SpanExtract, parent: obs.SpanDue, attribute: obs.KeyTable, count: parts},
		{name: obs.SpanQuery, above: obs.SpanDue, attribute: obs.KeyQueryID, count: parts + 1}, // one to measure
		{name: obs.SpanEncode, above: obs.SpanExtract, attribute: obs.KeyTable, count: parts},
		{name: obs.SpanUpload, above: obs.SpanExtract, attribute: obs.KeyTable, count: parts},
		{name: obs.SpanCommit, parent: obs.SpanDue, attribute: obs.KeyRunID, count: 1},
		{name: obs.SpanReadBack, above: obs.SpanCommit, attribute: obs.KeyRunID, count: 1},
		{name: obs.SpanVerify, parent: obs.SpanDue, attribute: obs.KeyRunID, count: 1},
		{name: obs.SpanVerdict, parent: obs.SpanDue, attribute: obs.KeyRunID, count: 1},
		{name: obs.SpanSummary, parent: obs.SpanDue, attribute: obs.KeyRunID, count: 1},
	}
}

func parts(run *planv1.Run) int {
	count := 0
	for _, table := range run.GetTables() {
		count += len(table.GetParts())
	}
	return count
}

func traceFaults(spans tree, run *planv1.Run) []string {
	wrong := spans.strays(run.GetTraceId())
	for _, w := range wanted(run) {
		found := spans.of(w.name, "")
		if len(found) < w.count || len(found) > w.count && !spans.retried() {
			wrong = append(wrong, fmt.Sprintf("the trace has %d spans %q, want %d", len(found), w.name, w.count))
		}
		for _, span := range found {
			wrong = append(wrong, spans.misplaced(span, w)...)
		}
	}
	for _, extract := range spans.of(obs.SpanExtract, "") {
		asked := func(query traces.Span) bool {
			return spans.isBelow(query, func(s traces.Span) bool { return s.SpanID == extract.SpanID })
		}
		if !slices.ContainsFunc(spans.of(obs.SpanQuery, ""), asked) {
			wrong = append(wrong, fmt.Sprintf("span %q of %s has no source query below it", extract.Name, extract.Attributes[obs.KeyTable]))
		}
	}
	return wrong
}

// tree is the spans of one trace by their id.
type tree map[string]traces.Span

func treeOf(spans []traces.Span) tree {
	t := tree{}
	for _, span := range spans {
		t[span.SpanID] = span
	}
	return t
}

// of gives the spans of a name, and of a table unless that is empty.
func (t tree) of(name, table string) []traces.Span {
	var found []traces.Span
	for _, span := range t {
		if span.Name == name && (table == "" || span.Attributes[obs.KeyTable] == table) {
			found = append(found, span)
		}
	}
	return found
}

// strays tells spans of another trace, and those that hang below nothing; only the root may.
func (t tree) strays(traceID string) []string {
	var wrong []string
	for _, span := range t {
		if span.TraceID != traceID {
			wrong = append(wrong, fmt.Sprintf("span %q is of trace %s, want %s", span.Name, span.TraceID, traceID))
		}
		if _, found := t[span.ParentID]; !found && (span.ParentID != "" || span.Name != obs.SpanDue) {
			wrong = append(wrong, fmt.Sprintf("span %q has the unknown parent %q", span.Name, span.ParentID))
		}
	}
	return wrong
}

func (t tree) misplaced(span traces.Span, w want) []string {
	var wrong []string
	if parent := t[span.ParentID].Name; w.parent != "" && parent != w.parent {
		wrong = append(wrong, fmt.Sprintf("span %q hangs below %q, want %q", span.Name, parent, w.parent))
	}
	if w.above != "" && !t.isBelow(span, func(s traces.Span) bool { return s.Name == w.above }) {
		wrong = append(wrong, fmt.Sprintf("span %q has no %q above it", span.Name, w.above))
	}
	if span.Attributes[w.attribute] == "" {
		wrong = append(wrong, fmt.Sprintf("span %q lacks %s", span.Name, w.attribute))
	}
	return wrong
}

// isBelow reports whether a span that fits is somewhere above.
func (t tree) isBelow(span traces.Span, fits func(traces.Span) bool) bool {
	for range t { // no path is longer than the tree
		above, found := t[span.ParentID]
		if !found {
			return false
		}
		if fits(above) {
			return true
		}
		span = above
	}
	return false
}

// retried reports whether any task of the run needed a second attempt.
func (t tree) retried() bool {
	for _, span := range t {
		if attempt := span.Attributes[obs.KeyAttempt]; attempt != "" && attempt != "1" {
			return true
		}
	}
	return false
}
