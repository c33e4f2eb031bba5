package rpc

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"runtime/debug"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
)

// edge is where errors and panics of handlers end, and requests are checked.
type edge struct {
	logger *slog.Logger
	// strict refuses unknown fields.
	strict bool
	// around and inside are nil without one.
	around, inside grpc.UnaryServerInterceptor
}

// strictFor spares gRPC's own services, whose callers are programs of any age.
func (e edge) strictFor(method string) bool { return e.strict && !isOwn(method) }

// isOwn holds for health checks and reflection.
func isOwn(method string) bool { return strings.HasPrefix(method, "/grpc.") }

func (e edge) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (resp any, err error) {
	defer func() { err = e.answer(ctx, info.FullMethod, err) }()
	defer e.recover(ctx, info.FullMethod, &err)
	checked := e.checked(info, handle)
	if e.around == nil || isOwn(info.FullMethod) {
		return checked(ctx, req)
	}
	return e.around(ctx, req, info, checked)
}

// checked is the handler behind the check of its request. It turns a panic into an error, so that Around sees one.
func (e edge) checked(info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) grpc.UnaryHandler {
	return func(ctx context.Context, req any) (resp any, err error) {
		defer e.recover(ctx, info.FullMethod, &err)
		if err := check(req, e.strictFor(info.FullMethod)); err != nil {
			return nil, err
		}
		if e.inside == nil || isOwn(info.FullMethod) {
			return handle(ctx, req)
		}
		return e.inside(ctx, req, info, handle)
	}
}

func (e edge) stream(srv any, s grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) (err error) {
	defer func() { err = e.answer(s.Context(), info.FullMethod, err) }()
	defer e.recover(s.Context(), info.FullMethod, &err)
	return handle(srv, &checkedStream{s, e.strictFor(info.FullMethod)})
}

// recover turns a panic into an error of the call: other calls of the process go on.
func (e edge) recover(ctx context.Context, method string, err *error) {
	if p := recover(); p != nil {
		e.logger.ErrorContext(ctx, "handler panicked", obs.KeyMethod, method, obs.KeyError, p, obs.KeyStack, string(debug.Stack()))
		*err = fault.New(fault.Internal, fault.ReasonPanic, "internal error")
	}
}

// answer logs what our side must know about and returns what the caller may know.
func (e edge) answer(ctx context.Context, method string, err error) error {
	if err == nil {
		return nil
	}
	s := toStatus(err)
	level := slog.LevelDebug
	switch s.Code() {
	case codes.Internal, codes.DataLoss:
		level = slog.LevelError
	case codes.Unavailable, codes.ResourceExhausted, codes.DeadlineExceeded:
		level = slog.LevelWarn
	}
	if level == slog.LevelWarn && errors.Is(ctx.Err(), context.Canceled) {
		level = slog.LevelInfo // the caller has left, mostly because it stops: nothing here needed handling
	}
	e.logger.Log(ctx, level, "call refused", obs.KeyMethod, method, obs.KeyReason, fault.ReasonOf(err), obs.KeyError, err)
	return s.Err()
}

// checkedStream checks every message that arrives, and translates transport errors before a handler can pass them on.
type checkedStream struct {
	grpc.ServerStream
	strict bool
}

// RecvMsg receives and checks one message; io.EOF is the client's orderly end.
func (s *checkedStream) RecvMsg(m any) error {
	if err := receive(s.ServerStream.RecvMsg, m); err != nil {
		return s.translate("receiving from the caller", err)
	}
	return check(m, s.strict)
}

// SendMsg sends one message.
func (s *checkedStream) SendMsg(m any) error {
	return s.translate("answering the caller", s.ServerStream.SendMsg(m))
}

func (s *checkedStream) translate(doing string, err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	if f, ok := fault.Of(err); ok {
		return f // about the message, not the transport
	}
	kind, reason := kindOf(status.Code(err))
	cause := s.Context().Err()
	if cause == nil {
		cause = err
	}
	return fault.Wrap(cause, kind, reason, "%s", doing)
}
