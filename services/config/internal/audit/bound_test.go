package audit_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/audit"
	"github.com/customer-exports/exports/services/config/internal/audit/audittest"
)

func TestChangesThatDoNotFitAreCounted(t *testing.T) {
	e := &configv1.AuditEvent{Method: "UpdateExport", Actor: "jane"}
	for i := range 2000 {
		e.Changes = append(e.Changes, &configv1.FieldChange{
			Path: fmt.Sprintf("spec.tables[%d]", i), Before: strings.Repeat("<", 500), After: strings.Repeat(">", 500),
		})
	}
	all := e.GetChanges()
	chain := audit.New(&audittest.MemLog{}, noon)
	if err := chain.Append(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	kept := len(e.GetChanges()) - 1
	if kept < 200 || kept > 300 || !proto.Equal(e.GetChanges()[kept-1], all[kept-1]) {
		t.Fatalf("%d changes are kept, want some 250, unaltered", kept)
	}
	marker := e.GetChanges()[kept]
	if want := fmt.Sprintf("%d of 2000 changes", 2000-kept); marker.GetPath() != audit.LeftOut || !strings.Contains(marker.GetAfter(), want) {
		t.Errorf("the last change is %v, want %q and %q", marker, audit.LeftOut, want)
	}
	wantWhole(t, chain, 1)
}

func TestNormalEventsStayAsTheyAre(t *testing.T) {
	e := audittest.Event(1, "acme", "acme-daily")
	before := proto.CloneOf(e)
	if err := audit.New(&audittest.MemLog{}, noon).Append(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	e.EventId, e.EventTime, e.PreviousHash, e.Hash = before.GetEventId(), before.GetEventTime(), before.GetPreviousHash(), before.GetHash()
	if !proto.Equal(e, before) {
		t.Errorf("the event became %v, want %v", e, before)
	}
}

// TestAnyEventFits takes requests as no validation would let them through; those are refused, and recorded.
func TestAnyEventFits(t *testing.T) {
	text := rapid.Custom(func(t *rapid.T) string {
		piece := rapid.SampledFrom([]string{"a", "\x00", "\"", "\xff", "é", "\U0001F355", "\xf0\x9f"}).Draw(t, "piece")
		return strings.Repeat(piece, rapid.SampledFrom([]int{0, 1, 4000, 5000, 70_000}).Draw(t, "length"))
	})
	rapid.Check(t, func(t *rapid.T) {
		e := &configv1.AuditEvent{
			Actor: text.Draw(t, "actor"), Method: text.Draw(t, "method"), Reason: text.Draw(t, "reason"), CustomerId: text.Draw(t, "customer_id"),
			ExportId: text.Draw(t, "export_id"), FaultReason: text.Draw(t, "fault_reason"), FaultMessage: text.Draw(t, "fault_message"),
			BeforeSha256: text.Draw(t, "before"), AfterSha256: text.Draw(t, "after"), RequestId: text.Draw(t, "request_id"), TraceId: text.Draw(t, "trace_id"),
		}
		for range rapid.IntRange(0, 3).Draw(t, "changes") {
			e.Changes = append(e.Changes, &configv1.FieldChange{
				Path: text.Draw(t, "path"), Before: text.Draw(t, "before"), Added: []string{text.Draw(t, "added")}, Removed: []string{text.Draw(t, "removed")},
			})
		}
		original, changes := proto.CloneOf(e), e.GetChanges()
		if err := audit.New(&audittest.MemLog{}, noon).Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		data, err := audit.Encode(e)
		if err != nil || len(data) > audit.MaxBytes {
			t.Fatalf("the event has %d bytes, %v, want at most %d", len(data), err, audit.MaxBytes)
		}
		for i, change := range changes {
			if !proto.Equal(change, original.GetChanges()[i]) {
				t.Errorf("the caller's change %d was altered", i)
			}
		}
		if e.GetCustomerId() != "" || e.GetExportId() != "" {
			t.Errorf("ids are %.20q and %.20q, want what is no id left out", e.GetCustomerId(), e.GetExportId())
		}
		if was := original.GetReason(); len(was) > 4096 != strings.HasSuffix(e.GetReason(), fmt.Sprintf(" (cut, %d bytes in all)", len(was))) ||
			utf8.ValidString(was) && len(was) <= 4096 && e.GetReason() != was {
			t.Errorf("a reason of %d bytes became %d bytes ending in %.40q", len(was), len(e.GetReason()), e.GetReason()[max(len(e.GetReason())-40, 0):])
		}
	})
}
