package server

import (
	"context"
	"log/slog"
	"path"
	"strings"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/audit"
	"github.com/customer-exports/exports/services/config/internal/once"
)

// Recorder sees that whatever is to change something is carried out once, and stands in the audit chain.
type Recorder struct {
	Chain  *audit.Chain
	Once   *once.Once
	Logger *slog.Logger
}

// changing is a request that is to change something: it alone says why.
type changing interface {
	proto.Message
	GetReason() string
	GetRequestId() string
}

// Audit is for rpc.Around: it also sees what is refused before a handler is called, and panics. An accepted request that
// could not be recorded is answered with an error, because somebody must look.
func (r *Recorder) Audit(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	q, ok := request.(changing)
	if !ok || dryRun(request) {
		return handle(ctx, request)
	}
	e := eventOf(ctx, q, info)
	answer, err := handle(audit.WithEvent(ctx, e), request)
	if e.GetMethod() == replayed {
		return answer, err // its event was written the first time
	}
	conclude(e, err)
	r.log(ctx, e)
	if failed := r.Chain.Append(ctx, e); failed != nil {
		r.Logger.ErrorContext(ctx, "request not recorded in the audit chain", obs.KeyMethod, e.GetMethod(), obs.KeyError, failed)
		if err == nil {
			return nil, fault.Wrap(failed, fault.Unavailable, fault.ReasonUnavailable,
				"the request was carried out, but the audit chain could not be written: get what it changed before you repeat it")
		}
	}
	return answer, err
}

// replayed marks the event of a request that was answered from memory.
const replayed = "replayed"

func dryRun(request any) bool {
	q, ok := request.(interface{ GetDryRun() bool })
	return ok && q.GetDryRun()
}

func eventOf(ctx context.Context, q changing, info *grpc.UnaryServerInfo) *configv1.AuditEvent {
	e := &configv1.AuditEvent{
		Method: path.Base(info.FullMethod), Reason: q.GetReason(), RequestId: q.GetRequestId(),
		TraceId: trace.SpanContextFromContext(ctx).TraceID().String(),
	}
	switch who := request(q).(type) {
	case interface{ GetAuthor() string }:
		e.Actor = who.GetAuthor()
	case interface{ GetApprover() string }:
		e.Actor = who.GetApprover()
	}
	if of, ok := q.(interface{ GetCustomerId() string }); ok {
		e.CustomerId = of.GetCustomerId()
	}
	if of, ok := q.(interface{ GetExportId() string }); ok {
		e.ExportId = of.GetExportId()
	}
	return e
}

// request widens q, so that a type switch may ask for what it does not promise.
func request(q changing) any { return q }

// conclude says how it ended. Only what the caller is told is recorded: causes may quote others.
func conclude(e *configv1.AuditEvent, err error) {
	if err == nil {
		e.Outcome = configv1.AuditOutcome_AUDIT_OUTCOME_ACCEPTED
		return
	}
	e.Outcome, e.FaultReason, e.FaultMessage = configv1.AuditOutcome_AUDIT_OUTCOME_REFUSED, string(fault.ReasonOf(err)), "internal error"
	e.Revision, e.Changes, e.BeforeSha256, e.AfterSha256 = 0, nil, "", ""
	if f, ok := fault.Of(err); ok {
		parts := []string{f.Message}
		for _, v := range f.Violations {
			parts = append(parts, v.Field+": "+v.Description)
		}
		e.FaultMessage = strings.Join(parts, "; ")
	}
}

func (r *Recorder) log(ctx context.Context, e *configv1.AuditEvent) {
	r.Logger.InfoContext(ctx, "change requested", obs.KeyMethod, e.GetMethod(), obs.KeyCustomerID, e.GetCustomerId(),
		obs.KeyExportID, e.GetExportId(), obs.KeyRevision, e.GetRevision(), obs.KeyReason, e.GetFaultReason())
}

// Repeat is an interceptor for requests that were found valid.
func (r *Recorder) Repeat(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	q, ok := request.(changing)
	if !ok || q.GetRequestId() == "" || dryRun(request) {
		return handle(ctx, request)
	}
	answer, again, err := r.Once.Do(ctx, q.GetRequestId(), path.Base(info.FullMethod), q, func(ctx context.Context) (proto.Message, error) {
		answer, err := handle(ctx, request)
		message, _ := answer.(proto.Message)
		return message, err
	})
	if again && err == nil {
		audit.Event(ctx).Method = replayed
	}
	return answer, err
}
