package once_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/customer-exports/exports/pkg/bus"
	"github.com/customer-exports/exports/pkg/bus/bustest"
	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/once"
	"github.com/customer-exports/exports/services/config/internal/store"
)

// rig is a memory on a NATS server of its own, and a clock that the test moves.
type rig struct {
	once.Once
	at atomic.Int64
}

func start(t *testing.T) *rig {
	t.Helper()
	b, err := bus.Connect(t.Context(), bus.Config{URL: bustest.Start(t)}, "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	kv, err := b.EnsureExpiringBucket(t.Context(), store.RequestsBucket, store.RequestsFor)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{}
	r.Memory, r.Now = store.NewRequests(kv), func() time.Time { return time.Unix(r.at.Load(), 0) }
	return r
}

func request(reason string) proto.Message {
	return &configv1.CreateCustomerRequest{CustomerId: "acme", Reason: reason}
}

// carry counts how often a request is carried out.
type carry struct{ times atomic.Int64 }

func (c *carry) out(context.Context) (proto.Message, error) {
	return &configv1.CreateCustomerResponse{Customer: &configv1.Customer{CustomerId: "acme", Etag: string(rune('0' + c.times.Add(1)))}}, nil
}

func etagOf(m proto.Message) string {
	answer, _ := m.(*configv1.CreateCustomerResponse)
	return answer.GetCustomer().GetEtag()
}

func TestRepetitionGetsTheFirstAnswer(t *testing.T) {
	r, c := start(t), &carry{}
	for i := range 3 {
		answer, again, err := r.Do(t.Context(), "id-1", "CreateCustomer", request("a"), c.out)
		if err != nil || etagOf(answer) != "1" || again != (i > 0) {
			t.Fatalf("time %d: %v, repeated %t, %v; want the first answer", i, answer, again, err)
		}
	}
	_, _, err := r.Do(t.Context(), "id-1", "CreateCustomer", request("b"), c.out)
	if fault.ReasonOf(err) != fault.ReasonRequestIDReused || fault.KindOf(err) != fault.Invalid {
		t.Errorf("another body = %v, want REQUEST_ID_REUSED", err)
	}
	if _, _, err := r.Do(t.Context(), "id-1", "UpdateCustomer", request("a"), c.out); fault.ReasonOf(err) != fault.ReasonRequestIDReused {
		t.Errorf("another method = %v, want REQUEST_ID_REUSED", err)
	}
	if answer, _, err := r.Do(t.Context(), "id-2", "CreateCustomer", request("b"), c.out); err != nil || etagOf(answer) != "2" {
		t.Errorf("another id = %v, %v, want it carried out", answer, err)
	}
}

func TestRefusedRequestMayBeMended(t *testing.T) {
	r, c := start(t), &carry{}
	refusal := errors.New("refused")
	_, _, err := r.Do(t.Context(), "id-1", "CreateCustomer", request("a"), func(context.Context) (proto.Message, error) { return nil, refusal })
	if !errors.Is(err, refusal) {
		t.Fatalf("Do = %v, want the refusal", err)
	}
	if answer, again, err := r.Do(t.Context(), "id-1", "CreateCustomer", request("b"), c.out); err != nil || again || etagOf(answer) != "1" {
		t.Errorf("the mended request = %v, repeated %t, %v", answer, again, err)
	}
}

func TestTwinsAreCarriedOutOnce(t *testing.T) {
	r, c := start(t), &carry{}
	var wait sync.WaitGroup
	for range 16 {
		wait.Go(func() {
			answer, _, err := r.Do(t.Context(), "id-1", "CreateCustomer", request("a"), c.out)
			if err != nil && fault.KindOf(err) != fault.Unavailable || err == nil && etagOf(answer) != "1" {
				t.Errorf("Do = %v, %v", answer, err)
			}
		})
	}
	wait.Wait()
	if n := c.times.Load(); n != 1 {
		t.Errorf("carried out %d times, want once", n)
	}
}

// TestAbandonedRequestIsTakenOver holds a claim whose holder has gone.
func TestAbandonedRequestIsTakenOver(t *testing.T) {
	r, c := start(t), &carry{}
	held, _, err := r.Memory.Claim(t.Context(), "id-1", digestOf(t, r, request("a")))
	if err != nil || held.Answered {
		t.Fatal(held, err)
	}
	if _, _, err := r.Do(t.Context(), "id-1", "CreateCustomer", request("a"), c.out); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("while it is under way = %v, want Unavailable", err)
	}
	r.at.Add(61)
	if answer, _, err := r.Do(t.Context(), "id-1", "CreateCustomer", request("a"), c.out); err != nil || etagOf(answer) != "1" {
		t.Errorf("a minute later = %v, %v, want it carried out", answer, err)
	}
	if answer, again, err := r.Do(t.Context(), "id-1", "CreateCustomer", request("a"), c.out); err != nil || !again || etagOf(answer) != "1" {
		t.Errorf("after that = %v, repeated %t, %v", answer, again, err)
	}
}

// digestOf is the claim that Do makes for a request, without an answer to it.
func digestOf(t *testing.T, r *rig, q proto.Message) once.Entry {
	t.Helper()
	spy := &spyMemory{}
	o := once.Once{Memory: spy, Now: r.Now}
	_, _, _ = o.Do(t.Context(), "x", "CreateCustomer", q, func(context.Context) (proto.Message, error) { return nil, errors.New("enough") })
	spy.claimed.Holder = "gone"
	return spy.claimed
}

type spyMemory struct{ claimed once.Entry }

func (s *spyMemory) Claim(_ context.Context, _ string, e once.Entry) (once.Entry, string, error) {
	s.claimed = e
	return e, "1", nil
}

func (s *spyMemory) Replace(context.Context, string, string, once.Entry) (string, error) {
	return "2", nil
}

func (s *spyMemory) Forget(context.Context, string) error { return nil }

func TestBigAnswerIsRemembered(t *testing.T) {
	r := start(t)
	big := strings.Repeat("x", 2<<20)
	do := func(context.Context) (proto.Message, error) { return &configv1.ExportAsYamlResponse{Yaml: big}, nil }
	for range 2 {
		answer, _, err := r.Do(t.Context(), "id-1", "ApplyExport", request("a"), do)
		if got, _ := answer.(*configv1.ExportAsYamlResponse); err != nil || got.GetYaml() != big {
			t.Fatalf("an answer of %d bytes, %v, want %d", len(got.GetYaml()), err, len(big))
		}
	}
}
