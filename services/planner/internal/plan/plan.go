// Package plan does what internal/run decides: it keeps the records, queues the tasks that follow and tells the facts.
// Every change is a compare-and-set on the record, and the tasks that follow are queued after it, so any number of
// planners may work side by side and any of them may stop at any line: what was not queued is queued again by a repeated
// report, or by a later tick. It refuses to decide from a list or a plain read, and holds no credential. Start reading at
// Planner.Tick and reports.go.
package plan

import (
	"context"
	"fmt"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	eventv1 "github.com/customer-exports/exports/proto/exports/event/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/planner/internal/run"
)

// Runs keeps the records. Reads may lag behind; Create and Update never do.
type Runs interface {
	// Create stores a new record. Exists when there is one.
	Create(ctx context.Context, r *planv1.Run) error
	// Get reads a record. NotFound when there is none.
	Get(ctx context.Context, runID string) (*planv1.Run, error)
	// Update changes a record as long as nobody else did, and asks change again when somebody did. It returns the record
	// that is stored, and whether this call changed it.
	Update(ctx context.Context, runID string, change func(*planv1.Run) (bool, error)) (*planv1.Run, bool, error)
}

// Proofs keeps one receipt a part.
type Proofs interface {
	// Accept stores the receipt unless the part has one, and returns the one that stands.
	Accept(ctx context.Context, runID string, r *deliveryv1.Receipt) (*deliveryv1.Receipt, error)
	// Receipt reads the one that stands. Unavailable when it is not there to be read yet.
	Receipt(ctx context.Context, runID, table string, index int32) (*deliveryv1.Receipt, error)
}

// Catalogue lists runs, as a hint: another planner may have added one since.
type Catalogue interface {
	// RunIDs lists the ids of all runs, in no order.
	RunIDs(ctx context.Context) ([]string, error)
}

// Resumptions keeps when the tasks of a run were last queued again, and lets one planner do so at a time.
type Resumptions interface {
	// Last reads the resumption and its version; both are zero when there was none.
	Last(ctx context.Context, runID string) (run.Resumption, uint64, error)
	// Claim notes the next one, and says whether this planner was the first to do so since that version.
	Claim(ctx context.Context, runID string, next run.Resumption, version uint64) (bool, error)
}

// Store is the RUNS bucket: four interfaces in one, because it is one bucket.
type Store interface {
	Runs
	Proofs
	Catalogue
	Resumptions
}

// Queue takes tasks and facts.
type Queue interface {
	// Publish queues a task with ctx's span as its parent. Within two minutes a task is queued once for each value of
	// again, which is empty the first time.
	Publish(ctx context.Context, t *taskv1.Task, again string) error
	// Announce tells a fact.
	Announce(ctx context.Context, e *eventv1.Event) error
}

// Exports reads what was approved.
type Exports interface {
	// List gives every export with the revision in force.
	List(ctx context.Context) ([]*configv1.Export, error)
	// Get gives one. NotFound when there is none.
	Get(ctx context.Context, exportID string) (*configv1.Export, error)
}

// Planner plans runs and takes reports. All exported fields are set by its maker; it is safe for concurrent use.
type Planner struct {
	Store   Store
	Queue   Queue
	Exports Exports
	Cutter  run.Cutter
	// ResumeAfter is how long a run stays without change before its tasks are queued again.
	ResumeAfter time.Duration
	Tel         *obs.Telemetry
	Now         func() time.Time

	// ended remembers runs that no tick has to look at again. It saves reads; nothing is decided by it.
	ended sync.Map
}

// Run ticks until ctx ends. A tick that went wrong is logged and made good by a later one.
func (p *Planner) Run(ctx context.Context, every time.Duration) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		if err := p.Tick(ctx); err != nil && ctx.Err() == nil {
			p.Tel.Logger.WarnContext(ctx, "tick incomplete, will be repeated", obs.KeyError, err, obs.KeyReason, fault.ReasonOf(err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// change updates a record with its time of change.
func (p *Planner) change(ctx context.Context, runID string, fn func(*planv1.Run) (bool, error)) (*planv1.Run, bool, error) {
	return p.Store.Update(ctx, runID, func(r *planv1.Run) (bool, error) {
		changed, err := fn(r)
		if changed {
			r.UpdateTime = timestamppb.New(p.Now())
		}
		return changed, err
	})
}

// followUpTime bounds the queueing of the tasks that follow one change.
const followUpTime = time.Minute

// followUp queues the outstanding tasks of a run, in the run's own trace.
func (p *Planner) followUp(ctx context.Context, r *planv1.Run, again string) error {
	// Detached: the change is stored, so its tasks should not stay behind because a caller hangs up.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), followUpTime)
	defer cancel()
	ctx = obs.ContextWithTraceparent(ctx, r.GetTraceparent())
	for _, t := range run.Outstanding(r) {
		if err := p.Queue.Publish(ctx, t, again); err != nil {
			return fmt.Errorf("queueing task %s: %w", t.GetTaskId(), err)
		}
	}
	return nil
}

// The facts that the planner tells.
const (
	factPlanned     = "run.planned"
	factMeasured    = "run.measured"
	factCommitted   = "run.committed"
	factFailed      = "run.failed"
	factQuarantined = "run.quarantined"
)

// announce tells a fact about a run. A fact that is lost is only a hint less, so the caller goes on.
func (p *Planner) announce(ctx context.Context, r *planv1.Run, fact string, cause *planv1.Failure) {
	ref := r.GetRef()
	// Detached: the change is stored, so it is told although a caller hangs up.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), followUpTime)
	defer cancel()
	err := p.Queue.Announce(obs.ContextWithTraceparent(ctx, r.GetTraceparent()), &eventv1.Event{
		EventId: ref.GetRunId() + "." + fact, Type: fact, EventTime: timestamppb.New(p.Now()),
		CustomerId: ref.GetCustomerId(), ExportId: ref.GetExportId(), RunId: ref.GetRunId(), ExportDate: ref.GetExportDate(),
		Reason: cause.GetReason(), Message: cause.GetMessage(),
	})
	if err != nil {
		p.Tel.Logger.WarnContext(ctx, "fact not told", obs.KeyRunID, ref.GetRunId(), obs.KeyEventType, fact, obs.KeyError, err)
	}
}
