package rpc

import (
	"context"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"

	"github.com/customer-exports/exports/pkg/fault"
)

// remote is the cause of a fault that a peer answered. It keeps the status for grpc tools, and a handler that returns
// the fault unclassified is recognised by it.
type remote struct {
	status *status.Status
	local  error // why our own side ended the call, or nil
}

func (r *remote) Error() string { return "rpc " + r.status.Code().String() }

// Unwrap returns the local context's error only: a peer that stops is not our being stopped.
func (r *remote) Unwrap() error { return r.local }

// GRPCStatus lets status.Code work on the fault.
func (r *remote) GRPCStatus() *status.Status { return r.status }

func isRemote(f *fault.Error) bool {
	_, ok := f.Err.(*remote) //nolint:errorlint // a fault that wraps a peer's fault was classified, and is ours
	return ok
}

// fromStatus turns what a call returned into a fault that the caller can classify. A nil error, and io.EOF by the stream
// wrappers, never get here.
func fromStatus(ctx context.Context, method string, err error) error {
	s := status.Convert(err)
	kind, reason := kindOf(s.Code())
	f := fault.Wrap(&remote{status: s, local: ctx.Err()}, kind, reason, "calling %s: %s", method, s.Message())
	for _, detail := range s.Details() {
		switch d := detail.(type) {
		case *errdetails.ErrorInfo:
			if d.GetDomain() == domain {
				f.Reason = fault.Reason(d.GetReason())
			}
		case *errdetails.BadRequest:
			for _, v := range d.GetFieldViolations() {
				f.Violations = append(f.Violations, fault.Violation{Field: v.GetField(), Description: v.GetDescription()})
			}
		}
	}
	return f
}
