package fault_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/customer-exports/exports/pkg/fault"
)

func TestKindDecidesWhetherToTryAgain(t *testing.T) {
	t.Parallel()
	of := func(k fault.Kind) error { return fault.New(k, fault.ReasonInternal, "x") }
	tests := []struct {
		name string
		err  error
		kind fault.Kind
		want bool
	}{
		{"nil", nil, "", false},
		{"invalid", of(fault.Invalid), fault.Invalid, false},
		{"not found", of(fault.NotFound), fault.NotFound, false},
		{"exists", of(fault.Exists), fault.Exists, false},
		{"state", of(fault.State), fault.State, false},
		{"denied", of(fault.Denied), fault.Denied, false},
		{"unavailable", of(fault.Unavailable), fault.Unavailable, true},
		{"data loss", of(fault.DataLoss), fault.DataLoss, true},
		{"exhausted", of(fault.Exhausted), fault.Exhausted, true},
		{"internal", of(fault.Internal), fault.Internal, true},
		{"unknown", errors.New("x"), fault.Internal, true},
		{"deadline", fmt.Errorf("reading: %w", context.DeadlineExceeded), fault.Unavailable, true},
		{"wrapped", fmt.Errorf("reading: %w", of(fault.State)), fault.State, false},
		{"outermost decides", fault.Wrap(of(fault.Internal), fault.Denied, fault.ReasonDenied, "x"), fault.Denied, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := fault.KindOf(test.err); got != test.kind {
				t.Errorf("KindOf(%v) = %q, want %q", test.err, got, test.kind)
			}
			if got := fault.Retryable(test.err); got != test.want {
				t.Errorf("Retryable(%v) = %t, want %t", test.err, got, test.want)
			}
		})
	}
}

func TestErrorReadsFromMessageToCause(t *testing.T) {
	t.Parallel()
	cause := errors.New("connection reset")
	err := fault.Wrap(cause, fault.Unavailable, fault.ReasonSourceUnavailable, "reading table %s", "DIM_DATES")
	err.Violations = []fault.Violation{{Field: "scope.brands", Description: "is empty"}}
	const want = "reading table DIM_DATES (scope.brands: is empty): connection reset"
	if got := err.Error(); got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	if !errors.Is(err, cause) {
		t.Error("the cause is not found by errors.Is")
	}
}

func TestReasonOf(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err  error
		want fault.Reason
	}{
		{nil, ""},
		{errors.New("x"), fault.ReasonInternal},
		{&fault.Error{Kind: fault.State}, fault.ReasonInternal},
		{fmt.Errorf("reading: %w", context.DeadlineExceeded), fault.ReasonDeadline},
		{fmt.Errorf("reading: %w", context.Canceled), fault.ReasonCanceled},
		{fmt.Errorf("x: %w", fault.New(fault.State, fault.ReasonNotDue, "x")), fault.ReasonNotDue},
	} {
		if got := fault.ReasonOf(test.err); got != test.want {
			t.Errorf("ReasonOf(%v) = %q, want %q", test.err, got, test.want)
		}
	}
}
