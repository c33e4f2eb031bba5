package rpc_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/rpc"
	slav1 "github.com/customer-exports/exports/proto/exports/sla/v1"
)

// TestAroundSeesEveryCall sends one call that is fine, one that is refused for its shape, one that its handler refuses and
// one that panics: around sees all, inside those whose shape is right.
func TestAroundSeesEveryCall(t *testing.T) {
	t.Parallel()
	var around, inside []string
	record := func(seen *[]string) grpc.UnaryServerInterceptor {
		return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
			answer, err := handle(ctx, request)
			*seen = append(*seen, info.FullMethod[strings.LastIndexByte(info.FullMethod, '/')+1:]+" "+string(fault.ReasonOf(err)))
			return answer, err
		}
	}
	verdicts := []func(context.Context) error{
		func(context.Context) error { return nil },
		func(context.Context) error { return fault.New(fault.State, fault.ReasonNotDue, "not due") },
		func(context.Context) error { panic("x") },
	}
	svc := &service{verdict: func(ctx context.Context) error {
		next := verdicts[0]
		verdicts = verdicts[1:]
		return next(ctx)
	}}
	b := serve(t, svc, rpc.Around(record(&around)), rpc.Inside(record(&inside)))
	monitor := slav1.NewSlaServiceClient(b.conn)
	if err := b.get(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := monitor.GetVerdict(t.Context(), &slav1.GetVerdictRequest{}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a request without its fields = %v, want an invalid one", err)
	}
	if err := b.get(t.Context()); fault.ReasonOf(err) != fault.ReasonNotDue {
		t.Errorf("a refusal = %v, want NOT_DUE", err)
	}
	if err := b.get(t.Context()); fault.ReasonOf(err) != fault.ReasonPanic {
		t.Errorf("a panic = %v, want PANIC", err)
	}
	if want := []string{"GetVerdict ", "GetVerdict VALIDATION", "GetVerdict NOT_DUE", "GetVerdict PANIC"}; !slices.Equal(around, want) {
		t.Errorf("around saw %q, want %q", around, want)
	}
	if want := []string{"GetVerdict ", "GetVerdict NOT_DUE"}; !slices.Equal(inside, want) {
		t.Errorf("inside saw %q, want %q: a panic passes it", inside, want)
	}
}
