package store_test

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/customer-exports/exports/pkg/bus"
	"github.com/customer-exports/exports/pkg/bus/bustest"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/audit"
	"github.com/customer-exports/exports/services/config/internal/audit/audittest"
	"github.com/customer-exports/exports/services/config/internal/store"
)

func TestAuditLog(t *testing.T) {
	audittest.Run(t, func(t *testing.T) audit.Log { return openAudit(t, bustest.Start(t)) })
}

func openAudit(t *testing.T, url string) *store.AuditLog {
	t.Helper()
	b := connect(t, url)
	stream, err := b.EnsureAudit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return store.NewAuditLog(b.JetStream(), stream)
}

func connect(t *testing.T, url string) *bus.Bus {
	t.Helper()
	b, err := bus.Connect(t.Context(), bus.Config{URL: url}, "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// TestServersAppendToOneChain has three config servers, each with its own connection, and eight callers at a time.
func TestServersAppendToOneChain(t *testing.T) {
	url := bustest.Start(t)
	chains := make([]*audit.Chain, 3)
	for i := range chains {
		chains[i] = audit.New(openAudit(t, url), time.Now)
	}
	appended := make([][]*configv1.AuditEvent, 8)
	var wait sync.WaitGroup
	for i := range appended {
		wait.Go(func() {
			for range 100 {
				e := audittest.Event(0, []string{"acme", "bella"}[i%2], "daily")
				if err := chains[i%3].Append(t.Context(), e); err != nil {
					t.Error(err)
				}
				appended[i] = append(appended[i], e)
			}
		})
	}
	wait.Wait()
	places := map[int64]string{}
	for _, e := range slices.Concat(appended...) {
		places[e.GetSequence()] = e.GetEventId()
	}
	for _, entry := range audittest.Read(t, openAudit(t, url), audit.Range{From: 1, To: 1000}) {
		if places[entry.Sequence] != entry.Event.GetEventId() {
			t.Errorf("place %d holds event %s, its caller was told otherwise", entry.Sequence, entry.Event.GetEventId())
		}
	}
	for _, chain := range append(chains, audit.New(openAudit(t, url), time.Now)) {
		wantWhole(t, chain, 800)
	}
}

func TestARestartLosesNoEvent(t *testing.T) {
	server := bustest.StartServer(t)
	grow(t, audit.New(openAudit(t, server.URL()), time.Now), 20)
	server.Restart()
	chain := audit.New(openAudit(t, server.URL()), time.Now)
	wantWhole(t, chain, 20)
	grow(t, chain, 1)
	wantWhole(t, chain, 21)
}

// TestTheBiggestEventIsStored fills every text and more changes than fit, in characters that take six bytes each.
func TestTheBiggestEventIsStored(t *testing.T) {
	chain := audit.New(openAudit(t, bustest.Start(t)), time.Now)
	long := strings.Repeat("\x01", 1<<20)
	e := &configv1.AuditEvent{
		Actor: long, Method: long, Reason: long, CustomerId: long, ExportId: long, FaultReason: long, FaultMessage: long,
		BeforeSha256: long, AfterSha256: long, RequestId: long, TraceId: long,
	}
	for range 1000 {
		e.Changes = append(e.Changes, &configv1.FieldChange{Path: long[:100], After: long[:500]})
	}
	if err := chain.Append(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	events, _, err := chain.List(t.Context(), audit.Query{})
	if err != nil || len(events) != 1 {
		t.Fatalf("List: got %d events, %v, want 1", len(events), err)
	}
	if changes := events[0].GetChanges(); changes[len(changes)-1].GetPath() != audit.LeftOut {
		t.Errorf("the last of %d changes is %v, want %q", len(changes), changes[len(changes)-1], audit.LeftOut)
	}
	wantWhole(t, chain, 1)
}

// TestPagesWhileEventsAreAdded pages through one customer's events on a log in which others go on.
func TestPagesWhileEventsAreAdded(t *testing.T) {
	chain := audit.New(openAudit(t, bustest.Start(t)), time.Now)
	var want, got []int64
	add := func(i int) {
		e := audittest.Event(0, []string{"acme", "bella", "carla"}[i%3], []string{"daily", "weekly"}[i%2])
		if err := chain.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		if e.GetCustomerId() == "bella" {
			want = append(want, e.GetSequence())
		}
	}
	for i := range 200 {
		add(i)
	}
	slices.Reverse(want)
	expected := slices.Clone(want)
	q := audit.Query{Size: 7, CustomerID: "bella"}
	for more := true; more; more = q.Token != "" {
		events, next, err := chain.List(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			got = append(got, e.GetSequence())
		}
		q.Token = next
		add(1)
	}
	if !slices.Equal(got, expected) {
		t.Errorf("the pages hold %v, want %v", got, expected)
	}
}

// TestTampering alters a chain as somebody would who rules the NATS server: the stream's own protection forbids it, so the
// stream is replaced by one without.
func TestTampering(t *testing.T) {
	url := bustest.Start(t)
	b := connect(t, url)
	// As in production; and a server without any stream removes its folder while the next one is being created.
	if _, err := b.EnsureBucket(t.Context(), store.Bucket); err != nil {
		t.Fatal(err)
	}
	place := &swappedLog{openAudit(t, url)}
	witness := audit.New(place, time.Now)
	grow(t, witness, 6)
	revisions := make([]audit.Revision, 6)
	for i := range revisions {
		revisions[i] = audit.Revision{ExportID: "acme-daily", Number: int64(i + 1)}
	}
	true6 := contents(t, b)
	if err := b.JetStream().DeleteStream(t.Context(), bus.StreamAudit); err != nil {
		t.Fatal(err)
	}
	edited := func(i int, from, to string) []*nats.Msg {
		msgs := clone(true6)
		if msgs[i].Data = []byte(strings.Replace(string(msgs[i].Data), from, to, 1)); string(msgs[i].Data) == string(true6[i].Data) {
			t.Fatalf("event %d does not hold %s", i+1, from)
		}
		return msgs
	}
	for name, test := range map[string]struct {
		msgs    []*nats.Msg
		removed []uint64
		purged  bool
		// at is a sequence that a fault names, 0 a revision; whole means that none may be found
		at    int64
		whole bool
	}{
		"restored as it was":       {msgs: true6, whole: true},
		"first removed":            {msgs: true6, removed: []uint64{1}, at: 1},
		"one removed":              {msgs: true6, removed: []uint64{3}, at: 3},
		"last removed":             {msgs: true6, removed: []uint64{6}, at: 6},
		"last two removed":         {msgs: true6, removed: []uint64{5, 6}, at: 5},
		"all purged":               {msgs: true6, purged: true, at: 1},
		"first left out":           {msgs: true6[1:], at: 1},
		"one left out":             {msgs: slices.Delete(clone(true6), 2, 3), at: 3},
		"last left out":            {msgs: true6[:5], at: 0},
		"all left out":             {msgs: nil, at: 0},
		"two swapped":              {msgs: swap(true6, 1, 3), at: 2},
		"one twice":                {msgs: slices.Insert(clone(true6), 3, true6[2]), at: 4},
		"another inserted":         {msgs: slices.Insert(clone(true6), 3, &nats.Msg{Subject: "audit._._", Data: []byte(`{"sequence":"4"}`)}), at: 4},
		"actor edited":             {msgs: edited(1, `"actor":"jane"`, `"actor":"joe"`), at: 2},
		"last one's reason edited": {msgs: edited(5, `"reason":"asked`, `"reason":"Asked`), at: 6},
		"change edited":            {msgs: edited(1, `"after":"60"`, `"after":"61"`), at: 2},
		"unknown field added":      {msgs: edited(4, `{"actor"`, `{"note":"x","actor"`), at: 5},
		"no event":                 {msgs: edited(4, `{`, ``), at: 5},
		"filed elsewhere":          {msgs: refile(true6, 2, "audit.bella._"), at: 3},
	} {
		t.Run(name, func(t *testing.T) {
			place.Log = forged(t, b, test.msgs, test.removed, test.purged)
			for who, chain := range map[string]*audit.Chain{"a new process": audit.New(place, time.Now), "the witness": witness} {
				report, err := chain.Verify(t.Context(), revisions)
				if err != nil {
					t.Fatal(err)
				}
				named := slices.ContainsFunc(report.Faults, func(f audit.Fault) bool { return f.Sequence == test.at })
				if named == test.whole || test.whole != (len(report.Faults) == 0) {
					t.Errorf("%s finds %+v, want whole: %t, or a fault at %d", who, report.Faults, test.whole, test.at)
				}
			}
		})
	}
}

// contents copies the messages of the audit stream.
func contents(t *testing.T, b *bus.Bus) []*nats.Msg {
	t.Helper()
	stream, err := b.JetStream().Stream(t.Context(), bus.StreamAudit)
	if err != nil {
		t.Fatal(err)
	}
	var msgs []*nats.Msg
	for sequence := range stream.CachedInfo().State.LastSeq {
		raw, err := stream.GetMsg(t.Context(), sequence+1)
		if err != nil {
			t.Fatal(err)
		}
		msgs = append(msgs, &nats.Msg{Subject: raw.Subject, Data: raw.Data})
	}
	return msgs
}

func clone(msgs []*nats.Msg) []*nats.Msg {
	cloned := make([]*nats.Msg, len(msgs))
	for i, msg := range msgs {
		cloned[i] = &nats.Msg{Subject: msg.Subject, Data: msg.Data}
	}
	return cloned
}

func swap(msgs []*nats.Msg, i, j int) []*nats.Msg {
	msgs = clone(msgs)
	msgs[i], msgs[j] = msgs[j], msgs[i]
	return msgs
}

func refile(msgs []*nats.Msg, i int, subject string) []*nats.Msg {
	msgs = clone(msgs)
	msgs[i].Subject = subject
	return msgs
}

// forged makes an unprotected stream of these messages, removes some, and is gone with the test.
func forged(t *testing.T, b *bus.Bus, msgs []*nats.Msg, removed []uint64, purged bool) *store.AuditLog {
	t.Helper()
	js, name := b.JetStream(), rand.Text()
	stream, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: name, Subjects: []string{"audit.*.*"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := js.DeleteStream(context.Background(), name); err != nil {
			t.Error(err)
		}
	})
	for _, msg := range msgs {
		if _, err := js.PublishMsg(t.Context(), msg); err != nil {
			t.Fatal(err)
		}
	}
	for _, sequence := range removed {
		if err := stream.DeleteMsg(t.Context(), sequence); err != nil {
			t.Fatal(err)
		}
	}
	if purged {
		if err := stream.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return store.NewAuditLog(js, stream)
}

// swappedLog lets a chain that runs meet another log.
type swappedLog struct{ audit.Log }

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
