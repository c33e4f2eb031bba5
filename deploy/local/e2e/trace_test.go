package e2e

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/customer-exports/exports/deploy/local/demo"
	"github.com/customer-exports/exports/deploy/local/stack"
	"github.com/customer-exports/exports/deploy/local/traces"
	"github.com/customer-exports/exports/pkg/obs"
)

// checkTrace asserts that one trace holds the run from due to verdict.
func checkTrace(t *testing.T, s *stack.Stack, r demo.Result) {
	t.Helper()
	spans := awaitSpan(t, s, r.Run.GetTraceId(), obs.SpanSummary)
	byID := map[string]traces.Span{}
	for _, span := range spans {
		byID[span.SpanID] = span
	}
	for _, span := range spans {
		if _, found := byID[span.ParentID]; span.ParentID != "" && !found {
			t.Errorf("span %q has an unknown parent", span.Name)
		}
	}
	parts := 0
	for _, table := range r.Run.GetTables() {
		parts += len(table.GetParts())
	}
	for _, want := range []struct {
		name, parent, attribute string
		count                   int
	}{
		{obs.SpanDue, "", obs.KeyRunID, 1},
		{obs.SpanPlan, obs.SpanDue, obs.KeyRunID, 1},
		{obs.SpanMeasure, obs.SpanDue, obs.KeyRunID, 1},
		{obs.SpanExtract, obs.SpanDue, obs.KeyTable, parts},
		{obs.SpanEncode, "", obs.KeyTable, parts},
		{obs.SpanUpload, "", obs.KeyTable, parts},
		{obs.SpanCommit, obs.SpanDue, obs.KeyRunID, 1},
		{obs.SpanReadBack, "", "", 1},
		{obs.SpanVerify, obs.SpanDue, obs.KeyRunID, 1},
		{obs.SpanVerdict, obs.SpanDue, obs.KeyRunID, 1},
		{obs.SpanSummary, obs.SpanDue, obs.KeyRunID, 1},
	} {
		found := slices.DeleteFunc(slices.Clone(spans), func(s traces.Span) bool { return s.Name != want.name })
		if len(found) < want.count {
			t.Errorf("the trace has %d spans %q, want %d", len(found), want.name, want.count)
		}
		for _, span := range found {
			if want.parent != "" && byID[span.ParentID].Name != want.parent {
				t.Errorf("span %q hangs below %q, want %q", span.Name, byID[span.ParentID].Name, want.parent)
			}
			if want.attribute != "" && span.Attributes[want.attribute] == "" {
				t.Errorf("span %q lacks %s", span.Name, want.attribute)
			}
		}
	}
	queries := slices.DeleteFunc(slices.Clone(spans), func(s traces.Span) bool { return s.Name != obs.SpanQuery })
	if len(queries) < parts {
		t.Errorf("the trace has %d source queries, want one for each of %d parts", len(queries), parts)
	}
	for _, q := range queries {
		if q.Attributes[obs.KeyQueryID] == "" {
			t.Errorf("a source query has no %s", obs.KeyQueryID)
		}
	}
}

// awaitSpan waits until the trace has a span of that name: spans leave the
// services in batches.
func awaitSpan(t *testing.T, s *stack.Stack, traceID, name string) []traces.Span {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		spans := s.Traces.Trace(traceID)
		if slices.ContainsFunc(spans, func(s traces.Span) bool { return s.Name == name }) {
			return spans
		}
		select {
		case <-ctx.Done():
			t.Fatalf("no span %q in trace %s after 15 s; it has %d spans", name, traceID, len(spans))
		case <-ticker.C:
		}
	}
}
