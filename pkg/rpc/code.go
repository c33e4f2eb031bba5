package rpc

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"

	"github.com/customer-exports/exports/pkg/fault"
)

const (
	// domain marks the reasons that are ours in google.rpc.ErrorInfo.
	domain = "exports"
	// maxViolations is how many a person reads.
	maxViolations = 50
	// maxViolationBytes keeps a status, which is sent as base64, within the 8 KiB of trailers that any client takes.
	maxViolationBytes = 5 << 10
	// maxViolationText cuts what one violation says.
	maxViolationText = 500
)

func codeOf(k fault.Kind) codes.Code {
	switch k {
	case fault.Invalid:
		return codes.InvalidArgument
	case fault.NotFound:
		return codes.NotFound
	case fault.Exists:
		return codes.AlreadyExists
	case fault.State:
		return codes.FailedPrecondition
	case fault.Unavailable:
		return codes.Unavailable
	case fault.DataLoss:
		return codes.DataLoss
	case fault.Denied:
		return codes.PermissionDenied
	case fault.Exhausted:
		return codes.ResourceExhausted
	default:
		return codes.Internal
	}
}

// kindOf is the inverse of codeOf; the reason is the one to assume when the status does not say.
func kindOf(c codes.Code) (fault.Kind, fault.Reason) {
	switch c {
	case codes.InvalidArgument, codes.OutOfRange:
		return fault.Invalid, fault.ReasonValidation
	case codes.NotFound:
		return fault.NotFound, fault.ReasonNotFound
	case codes.AlreadyExists:
		return fault.Exists, fault.ReasonAlreadyExists
	case codes.FailedPrecondition, codes.Aborted:
		return fault.State, fault.ReasonInternal
	case codes.Unavailable:
		return fault.Unavailable, fault.ReasonUnavailable
	case codes.DeadlineExceeded:
		return fault.Unavailable, fault.ReasonDeadline
	case codes.Canceled:
		return fault.Unavailable, fault.ReasonCanceled
	case codes.DataLoss:
		return fault.DataLoss, fault.ReasonInternal
	case codes.PermissionDenied, codes.Unauthenticated:
		return fault.Denied, fault.ReasonDenied
	case codes.ResourceExhausted:
		return fault.Exhausted, fault.ReasonExhausted
	default:
		return fault.Internal, fault.ReasonInternal
	}
}

// toStatus is the one place where an error becomes a gRPC status. Only the outermost fault's own message crosses the
// wire: never its cause, a driver's text or a peer's status.
func toStatus(err error) *status.Status {
	// Only what gRPC itself answers, never a wrapped peer.
	if s, ok := err.(interface{ GRPCStatus() *status.Status }); ok && s.GRPCStatus().Code() == codes.Unimplemented {
		return s.GRPCStatus()
	}
	f, ok := fault.Of(err)
	switch {
	case ok && isRemote(f):
		return remoteStatus(f)
	case ok:
		return faultStatus(f)
	case errors.Is(err, context.Canceled):
		return status.New(codes.Canceled, "the call was cancelled")
	case errors.Is(err, context.DeadlineExceeded):
		return status.New(codes.DeadlineExceeded, "the call's deadline passed")
	default:
		return withDetails(status.New(codes.Internal, "internal error"), errorInfo(fault.ReasonInternal))
	}
}

func faultStatus(f *fault.Error) *status.Status {
	details := []protoadapt.MessageV1{errorInfo(f.Reason)}
	if len(f.Violations) > 0 {
		details = append(details, badRequest(f.Violations))
	}
	return withDetails(status.New(codeOf(f.Kind), f.Message), details...)
}

// remoteStatus answers for a peer's error that a handler did not classify: what a peer could not find or refused is our
// fault, not our caller's. Whether to try again, and the stable reason, still hold.
func remoteStatus(f *fault.Error) *status.Status {
	code := codes.Internal
	if fault.Retryable(f) {
		code = codeOf(f.Kind)
	}
	return withDetails(status.New(code, fmt.Sprintf("a service behind this one answered %s", f.Reason)), errorInfo(f.Reason))
}

func errorInfo(r fault.Reason) *errdetails.ErrorInfo {
	return &errdetails.ErrorInfo{Reason: string(r), Domain: domain}
}

// badRequest lists violations while there is room; when there is not, the last one says so.
func badRequest(violations []fault.Violation) *errdetails.BadRequest {
	b := &errdetails.BadRequest{}
	room := maxViolationBytes
	for i, v := range violations {
		field, description := clip(v.Field), clip(v.Description)
		room -= len(field) + len(description) + 8 // tags and lengths
		full := room < 0 || i == maxViolations-1 && i < len(violations)-1
		if full {
			description = fmt.Sprintf("and more from here on: the first %d violations are listed", i)
		}
		b.FieldViolations = append(b.FieldViolations, &errdetails.BadRequest_FieldViolation{Field: field, Description: description})
		if full {
			break
		}
	}
	return b
}

// clip also replaces what is not UTF-8, which a status cannot carry.
func clip(text string) string {
	if len(text) > maxViolationText {
		text = text[:maxViolationText] + "…"
	}
	return strings.ToValidUTF8(text, "")
}

func withDetails(s *status.Status, details ...protoadapt.MessageV1) *status.Status {
	if with, err := s.WithDetails(details...); err == nil {
		return with
	}
	return s
}
