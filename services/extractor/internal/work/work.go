// Package work handles one task from the queue, end to end: it looks the revision up, reads the source,
// streams the rows to delivery, and reports to the planner before it returns.
//
// It takes scope and tables from the config service only, never from the message, and refuses a
// revision that never was in force and a part whose rows are not all there. Handling a task twice is
// harmless. Start at Handler.Handle.
package work

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/customer-exports/exports/pkg/bus"
	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/extractor/internal/source"
)

// Revisions knows what was approved.
type Revisions interface {
	// Revision returns one revision of an export and the customer it belongs to.
	Revision(ctx context.Context, exportID string, revision int64) (*configv1.Revision, string, error)
	// AnyRevision returns also one that never was in force. It is for looking, never for reading rows.
	AnyRevision(ctx context.Context, exportID string, revision int64) (*configv1.Revision, string, error)
}

// Planner is told what became of a task. Every call may be repeated.
type Planner interface {
	// Measured gives the row counts of all tables, in the revision's order.
	Measured(ctx context.Context, runID string, tables []string, counts []source.Count) error
	// Received gives the receipt of a part; it is not accepted when another attempt was first.
	Received(ctx context.Context, runID string, attempt int, receipt *deliveryv1.Receipt) (accepted bool, err error)
	// Failed says that an attempt failed.
	Failed(ctx context.Context, runID string, failure Failure) error
}

// Failure is one failed attempt. Message holds no text of the source.
type Failure struct {
	TaskID, Table, Reason, Message string
	Attempt                        int
	WillRetry                      bool
	Time                           time.Time
	// Earliest is the first instant that the source holds for all tables of the run; zero unless it does
	// not hold the run's, and as long as it does not tell.
	Earliest time.Time
}

// Deps are what a handler works with.
type Deps struct {
	Dictionary *dictionary.Dictionary
	Source     source.Reader
	Teller     Teller
	Revisions  Revisions
	Planner    Planner
	Runs       Runs
	Delivery   Delivery
	Telemetry  *obs.Telemetry
	Now        func() time.Time
	// AskEvery is how often an attempt asks whether its run goes on.
	AskEvery time.Duration
}

// Handler handles tasks. It is safe for concurrent use.
type Handler struct {
	Deps
	previews chan struct{}
}

// New returns a handler.
func New(deps Deps) *Handler { return &Handler{Deps: deps, previews: make(chan struct{}, maxPreviews)} }

// Handle does one attempt at a measure or extract task. A failure is reported to the planner and then
// returned; an attempt that is interrupted by a shutdown is returned only, because it is not the
// task's fault and the queue gives the task to somebody else. A task of a run that has ended is done
// with: nothing is reported.
func (h *Handler) Handle(ctx context.Context, d bus.Delivery) error {
	err := h.whileWanted(ctx, d.Task.GetRun().GetRunId(), func(ctx context.Context) error { return h.attempt(ctx, d) })
	if errors.Is(err, errUnwanted) {
		h.Telemetry.Logger.InfoContext(ctx, "task dropped, its run has ended", slog.String(obs.KeyRunID, d.Task.GetRun().GetRunId()),
			slog.String(obs.KeyTaskID, d.Task.GetTaskId()))
		return nil
	}
	if err != nil && !errors.Is(context.Cause(ctx), bus.ErrStopping) {
		h.report(ctx, d, err)
	}
	return err
}

func (h *Handler) attempt(ctx context.Context, d bus.Delivery) error {
	attempt := source.Attempt{Run: d.Task.GetRun(), Number: d.Attempt, Progress: serialised(d.Progress)}
	switch w := d.Task.GetWork().(type) {
	case *taskv1.Task_Measure:
		return h.measure(ctx, attempt)
	case *taskv1.Task_Extract:
		return h.extract(ctx, attempt, w.Extract)
	default:
		return fault.New(fault.Invalid, fault.ReasonTaskInvalid, "task %s is neither measure nor extract", d.Task.GetTaskId())
	}
}

// serialised lets readers and sender share the queue's heartbeat.
func serialised(progress func()) func() {
	var mu sync.Mutex
	return func() {
		mu.Lock()
		defer mu.Unlock()
		progress()
	}
}

// reportWithin bounds a report of failure, which must go out although the attempt's time is over.
const reportWithin = 10 * time.Second

func (h *Handler) report(ctx context.Context, d bus.Delivery, err error) {
	failure := Failure{
		TaskID: d.Task.GetTaskId(), Table: d.Task.GetExtract().GetTable(), Attempt: d.Attempt,
		Reason: string(fault.ReasonOf(err)), Message: message(err),
		WillRetry: fault.Retryable(err) && !d.LastAttempt, Time: h.Now(),
	}
	// Detached: the deadline that ended the attempt must not silence the report of it.
	ctx = context.WithoutCancel(ctx)
	if fault.ReasonOf(err) == fault.ReasonSourceAsOfGone {
		failure.Earliest = h.earliest(ctx, d.Task.GetRun())
	}
	ctx, cancel := context.WithTimeout(ctx, reportWithin)
	defer cancel()
	if err := h.Planner.Failed(ctx, d.Task.GetRun().GetRunId(), failure); err != nil {
		// The queue keeps the cause too, so the task goes on without the planner's knowledge.
		h.Telemetry.Logger.WarnContext(ctx, "failure not reported", slog.String(obs.KeyTaskID, failure.TaskID),
			slog.String(obs.KeyReason, failure.Reason), slog.String(obs.KeyError, err.Error()))
	}
}

// message is what may be told outside this process.
func message(err error) string {
	if f, ok := fault.Of(err); ok {
		return f.Message
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "the attempt ran out of time"
	}
	return "the attempt failed inside the extractor; see its log"
}

// attributes name the attempt on a span.
func attributes(a source.Attempt, more ...attribute.KeyValue) []attribute.KeyValue {
	return append(append(obs.RunAttrs(a.Run), attribute.Int(obs.KeyAttempt, a.Number)), more...)
}

// approved returns the revision of a run, after checking that it belongs to the run's customer and is
// or was in force. The config service gives out no other unless asked to; this is the second wall.
func (h *Handler) approved(ctx context.Context, run *taskv1.RunRef) (*configv1.Revision, error) {
	revision, owner, err := h.Revisions.Revision(ctx, run.GetExportId(), run.GetRevision())
	if err != nil {
		return nil, fmt.Errorf("reading revision %d of export %s: %w", run.GetRevision(), run.GetExportId(), err)
	}
	if owner != run.GetCustomerId() {
		return nil, foreign(run)
	}
	switch revision.GetState() {
	case configv1.RevisionState_REVISION_STATE_IN_FORCE, configv1.RevisionState_REVISION_STATE_REPLACED:
		return revision, nil
	default:
		return nil, fault.New(fault.State, fault.ReasonNotApproved, "revision %d of export %s never was in force: its state is %s",
			run.GetRevision(), run.GetExportId(), revision.GetState())
	}
}

func foreign(run *taskv1.RunRef) error {
	return fault.New(fault.Denied, fault.ReasonDenied, "export %s does not belong to customer %s", run.GetExportId(), run.GetCustomerId())
}

// large reports whether the revision is agreed to need the large warehouse.
func large(revision *configv1.Revision) bool {
	return revision.GetSpec().GetWarehouseClass() == configv1.WarehouseClass_WAREHOUSE_CLASS_LARGE
}

// layout derives what is read of one selected table; no columns means all that may leave.
func (h *Handler) layout(selection *configv1.TableSelection) (*dictionary.Layout, error) {
	columns := selection.GetColumns()
	if len(columns) == 0 {
		columns = nil
	}
	layout, err := h.Dictionary.Layout(selection.GetTable(), columns)
	if err != nil {
		return nil, fault.Wrap(err, fault.State, fault.ReasonValidation, "table %s cannot be laid out from the dictionary", selection.GetTable())
	}
	return layout, nil
}
