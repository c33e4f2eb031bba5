package part

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	eventv1 "github.com/customer-exports/exports/proto/exports/event/v1"
)

// EventOutsideScope is the type of the event that tells of a row outside the approved scope: somebody must find out how it
// came here.
const EventOutsideScope = "part.outside_scope"

// escalateTimeout bounds telling of a row outside the scope, also to a caller that is gone.
const escalateTimeout = 10 * time.Second

// escalate tells of a part with a row outside the scope: which one, and never the row. The planner quarantines the run when
// the extractor reports the fault; this is told by the one who saw it, whatever the extractor does.
func (u *Uploader) escalate(ctx context.Context, h Header) {
	// Detached: the caller may hang up on the refusal.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), escalateTimeout)
	defer cancel()
	u.Tel.Logger.ErrorContext(ctx, "row outside the scope refused", slog.String(obs.KeyRunID, h.Run.GetRunId()),
		slog.String(obs.KeyTable, h.Table), slog.Int(obs.KeyPart, int(h.Index)), slog.Int(obs.KeyAttempt, int(h.Attempt)))
	where := fmt.Sprintf("table %s part %d", h.Table, h.Index)
	err := u.Announce(ctx, &eventv1.Event{
		EventId: fmt.Sprintf("%s.%s.%s.%d.%d", h.Run.GetRunId(), EventOutsideScope, h.Table, h.Index, h.Attempt), Type: EventOutsideScope,
		CustomerId: h.Run.GetCustomerId(), ExportId: h.Run.GetExportId(), RunId: h.Run.GetRunId(), ExportDate: h.Run.GetExportDate(),
		Table: h.Table, PartIndex: proto.Int32(h.Index), Reason: string(fault.ReasonScopeViolation),
		Message: where + " holds a row outside the approved scope; nothing of it was kept",
	})
	if err != nil {
		u.Tel.Logger.ErrorContext(ctx, "row outside the scope not told", slog.String(obs.KeyRunID, h.Run.GetRunId()), slog.Any(obs.KeyError, err))
	}
}
