package rpc

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"runtime/debug"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
)

// edge is where errors and panics of handlers end, and requests are checked.
type edge struct{ logger *slog.Logger }

func (e edge) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (resp any, err error) {
	defer func() { err = e.answer(ctx, info.FullMethod, err) }()
	defer e.recover(ctx, info.FullMethod, &err)
	if err := validate(req); err != nil {
		return nil, err
	}
	return handle(ctx, req)
}

func (e edge) stream(srv any, s grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) (err error) {
	defer func() { err = e.answer(s.Context(), info.FullMethod, err) }()
	defer e.recover(s.Context(), info.FullMethod, &err)
	return handle(srv, &checkedStream{s})
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
type checkedStream struct{ grpc.ServerStream }

// RecvMsg receives and checks one message; io.EOF is the client's orderly end.
func (s *checkedStream) RecvMsg(m any) error {
	if err := s.ServerStream.RecvMsg(m); err != nil {
		return s.translate("receiving from the caller", err)
	}
	return validate(m)
}

// SendMsg sends one message.
func (s *checkedStream) SendMsg(m any) error {
	return s.translate("answering the caller", s.ServerStream.SendMsg(m))
}

func (s *checkedStream) translate(doing string, err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	kind, reason := kindOf(status.Code(err))
	cause := s.Context().Err()
	if cause == nil {
		cause = err
	}
	return fault.Wrap(cause, kind, reason, "%s", doing)
}
