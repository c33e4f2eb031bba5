package audit_test

import (
	"encoding/json"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/audit"
)

// TestGoldenVector holds what an auditor in another language must get. It changes never: stored chains depend on it.
func TestGoldenVector(t *testing.T) {
	e := &configv1.AuditEvent{
		Sequence: 7, EventId: "GOLDEN", EventTime: timestamppb.New(time.Date(2026, 11, 23, 6, 0, 0, 120_000_000, time.UTC)),
		Actor: "jane@example.com", Method: "UpdateExport", Reason: "\"More\" \\ <brands> & Café\t\n\x01\x7f\u2028\U0001F355/",
		CustomerId: "acme", ExportId: "acme-daily", Revision: 3, Outcome: configv1.AuditOutcome_AUDIT_OUTCOME_ACCEPTED,
		Changes: []*configv1.FieldChange{
			{Path: "spec.retention_days", Before: "30", After: "60"},
			{Path: "spec.scope.brands", Added: []string{`"Bella"`, ""}, AddedCount: 21},
			{},
		},
		AfterSha256: "ab", RequestId: "r-1", TraceId: "4bf92f3577b34da6a3ce929d0e0e4736", PreviousHash: "cd", Hash: "left out when hashing",
	}
	const canonical = `{"actor":"jane@example.com","afterSha256":"ab","changes":[` +
		`{"after":"60","before":"30","path":"spec.retention_days"},` +
		`{"added":["\"Bella\"",""],"addedCount":21,"path":"spec.scope.brands"},{}],` +
		`"customerId":"acme","eventId":"GOLDEN","eventTime":"2026-11-23T06:00:00.120Z","exportId":"acme-daily",` +
		`"hash":"left out when hashing","method":"UpdateExport","outcome":"AUDIT_OUTCOME_ACCEPTED","previousHash":"cd",` +
		`"reason":"\"More\" \\ <brands> & Café\t\n\u0001` + "\x7f\u2028\U0001F355" + `/","requestId":"r-1","revision":"3","sequence":"7",` +
		`"traceId":"4bf92f3577b34da6a3ce929d0e0e4736"}`
	if got, err := audit.Encode(e); err != nil || string(got) != canonical {
		t.Errorf("Encode: got\n%s, %v, want\n%s", got, err, canonical)
	}
	const hash = "218ab05d4db72a1036fcbc3f7e85bb13029fcddf5a026f3cb6d6dbad2177869e"
	if got, err := audit.Hash(e); err != nil || got != hash {
		t.Errorf("Hash: got %s, %v, want %s", got, err, hash)
	}
}

func TestEveryFieldIsHashed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := drawEvent(t)
		before := hashOf(t, e)
		for _, field := range fieldNames() {
			altered := proto.CloneOf(e)
			alter(altered, field)
			if same := hashOf(t, altered) == before; same != (field == "hash") {
				t.Errorf("altering %s: the hash is the same: %t", field, same)
			}
		}
		if shuffled := swapChanges(e); hashOf(t, shuffled) == before && !proto.Equal(shuffled, e) {
			t.Error("swapping changes leaves the hash the same")
		}
	})
}

func TestEncodedIsDecoded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := drawEvent(t)
		data, err := audit.Encode(e)
		if err != nil || !json.Valid(data) {
			t.Fatalf("Encode: got %s, %v, want JSON", data, err)
		}
		if got, err := audit.Decode(data); err != nil || !proto.Equal(got, e) {
			t.Fatalf("Decode(Encode(e)): got %v, %v, want %v", got, err, e)
		}
	})
	for _, data := range []string{"", "null", "[]", "{}x", `{"unhashed":"x"}`, `{"actor":"a","actor":"b"}`} {
		if got, err := audit.Decode([]byte(data)); err == nil {
			t.Errorf("Decode(%q): got %v, want an error", data, got)
		}
	}
}

func hashOf(t rapid.TB, e *configv1.AuditEvent) string {
	hash, err := audit.Hash(e)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

func drawEvent(t *rapid.T) *configv1.AuditEvent {
	text, id := rapid.String(), rapid.StringMatching(`[a-z][a-z0-9-]{1,3}[a-z0-9]|`)
	number := rapid.Int64Range(0, 5)
	e := &configv1.AuditEvent{
		Sequence: number.Draw(t, "sequence"), EventId: text.Draw(t, "event_id"),
		EventTime: &timestamppb.Timestamp{Seconds: rapid.Int64Range(0, 4e9).Draw(t, "seconds"), Nanos: rapid.Int32Range(0, 999_999_999).Draw(t, "nanos")},
		Actor:     text.Draw(t, "actor"), Method: text.Draw(t, "method"), Reason: text.Draw(t, "reason"),
		CustomerId: id.Draw(t, "customer_id"), ExportId: id.Draw(t, "export_id"), Revision: number.Draw(t, "revision"),
		Outcome:     configv1.AuditOutcome(rapid.Int32Range(0, 2).Draw(t, "outcome")),
		FaultReason: text.Draw(t, "fault_reason"), FaultMessage: text.Draw(t, "fault_message"),
		BeforeSha256: text.Draw(t, "before_sha256"), AfterSha256: text.Draw(t, "after_sha256"),
		RequestId: text.Draw(t, "request_id"), TraceId: text.Draw(t, "trace_id"), PreviousHash: text.Draw(t, "previous_hash"), Hash: text.Draw(t, "hash"),
	}
	texts, count := rapid.SliceOfN(text, 0, 3), rapid.Int32Range(0, 30)
	for range rapid.IntRange(0, 3).Draw(t, "changes") {
		change := &configv1.FieldChange{
			Path: text.Draw(t, "path"), Before: text.Draw(t, "before"), After: text.Draw(t, "after"),
			AddedCount: count.Draw(t, "added_count"), RemovedCount: count.Draw(t, "removed_count"),
		}
		change.Added, change.Removed = append(change.Added, texts.Draw(t, "added")...), append(change.Removed, texts.Draw(t, "removed")...)
		e.Changes = append(e.Changes, change)
	}
	return e
}

// fieldNames lists the fields of the contract, also those that are added one day.
func fieldNames() []string {
	fields := (&configv1.AuditEvent{}).ProtoReflect().Descriptor().Fields()
	names := make([]string, fields.Len())
	for i := range names {
		names[i] = string(fields.Get(i).Name())
	}
	return names
}

// alter makes the smallest difference in one field.
func alter(e *configv1.AuditEvent, name string) {
	m := e.ProtoReflect()
	field := m.Descriptor().Fields().ByName(protoreflect.Name(name))
	switch value := m.Get(field); {
	case name == "changes" && len(e.GetChanges()) > 0:
		e.Changes[0].Added = append(e.Changes[0].Added, "")
	case name == "changes":
		e.Changes = []*configv1.FieldChange{{}}
	case name == "event_time":
		e.EventTime = timestamppb.New(e.GetEventTime().AsTime().Add(1))
	case field.Kind() == protoreflect.StringKind:
		m.Set(field, protoreflect.ValueOfString(value.String()+" "))
	case field.Kind() == protoreflect.Int64Kind:
		m.Set(field, protoreflect.ValueOfInt64(value.Int()+1))
	case field.Kind() == protoreflect.EnumKind:
		m.Set(field, protoreflect.ValueOfEnum((value.Enum()+1)%3))
	}
}

func swapChanges(e *configv1.AuditEvent) *configv1.AuditEvent {
	e = proto.CloneOf(e)
	if n := len(e.GetChanges()); n > 1 {
		e.Changes[0], e.Changes[n-1] = e.Changes[n-1], e.Changes[0]
	}
	return e
}
