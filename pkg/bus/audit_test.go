package bus

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

func TestAuditStreamForgetsNothing(t *testing.T) {
	t.Parallel()
	b := connect(t)
	ctx := t.Context()
	// A stream as somebody would leave it who wants it to forget.
	if _, err := b.js.CreateStream(ctx, jetstream.StreamConfig{Name: StreamAudit, Subjects: []string{"audit.*.*"}, MaxMsgs: 1, MaxAge: time.Hour}); err != nil {
		t.Fatal(err)
	}
	stream, err := b.EnsureAudit(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := b.js.Publish(ctx, AuditSubject("acme", ""), []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := stream.DeleteMsg(ctx, 1); err == nil {
		t.Error("DeleteMsg: got nil, want a refusal")
	}
	if err := stream.Purge(ctx); err == nil {
		t.Error("Purge: got nil, want a refusal")
	}
	if got := messages(t, b, StreamAudit); got != 2 {
		t.Errorf("the stream holds %d messages, want 2", got)
	}
	if cfg := stream.CachedInfo().Config; cfg.Storage != jetstream.FileStorage || cfg.MaxAge != 0 || cfg.AllowRollup {
		t.Errorf("the stream is %+v, want it on file and without limits", cfg)
	}
}

func TestAuditSubjectStaysInItsPlace(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ customer, export, want string }{
		{"acme", "acme-daily", "audit.acme.acme-daily"},
		{"acme", "", "audit.acme._"},
		{"", "", "audit._._"},
		{"acme", "*", "audit.acme.*"},
		{"a.b", ">", "audit._._"},
		{"a b", "x\n", "audit._._"},
	} {
		if got := AuditSubject(test.customer, test.export); got != test.want {
			t.Errorf("AuditSubject(%q, %q) = %q, want %q", test.customer, test.export, got, test.want)
		}
	}
}
