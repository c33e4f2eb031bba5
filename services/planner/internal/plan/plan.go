// Package plan does what internal/run and internal/dispatch decide: it keeps the records, queues tasks and tells the facts.
// Every change is a compare-and-set on a record, and every task is queued by compare-and-set on the queue, so any number
// of planners may work side by side and any of them may stop at any line: what a run waits for follows from its record,
// and the next look at the queue finds what is missing there. It refuses to decide from a list or a plain read, and holds
// no credential. Start reading at Planner.Tick, reports.go and Planner.Dispatch; what operators ask for is in start.go,
// preview.go, backfill.go, again.go, requeue.go, cancel.go and watch.go.
package plan

import (
	"cmp"
	"context"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	eventv1 "github.com/customer-exports/exports/proto/exports/event/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/planner/internal/dispatch"
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
	// Versions lists the ids of all runs, each with a version that grows whenever the record changes.
	Versions(ctx context.Context) (map[string]uint64, error)
	// At reads a record that is at least as new as a version. Unavailable when it is not there to be read yet.
	At(ctx context.Context, runID string, version uint64) (*planv1.Run, error)
}

// Store is the RUNS bucket: three interfaces in one, because it is one bucket.
type Store interface {
	Runs
	Proofs
	Catalogue
}

// Tasks is the queue of tasks. Nothing in it is ever as old as a read may be: a look goes to who decides.
type Tasks interface {
	// Look gives all tasks in the queue, and the version of the queue, which changes when one is added.
	Look(ctx context.Context) ([]dispatch.Queued, uint64, error)
	// Publish queues a task with ctx's span as its parent, as long as the queue is at that version. It returns the next
	// one, and whether the task was queued.
	Publish(ctx context.Context, t *taskv1.Task, version uint64) (uint64, bool, error)
	// GivenUp tells how often a task was given up, and why the last time.
	GivenUp(ctx context.Context, t *taskv1.Task) (int, *planv1.Failure, error)
}

// Queue takes tasks and facts.
type Queue interface {
	Tasks
	// Announce tells a fact.
	Announce(ctx context.Context, e *eventv1.Event) error
}

// Exports reads what was approved.
type Exports interface {
	// List gives every export with the revision in force.
	List(ctx context.Context) ([]*configv1.Export, error)
	// Get gives one. NotFound when there is none.
	Get(ctx context.Context, exportID string) (*configv1.Export, error)
	// Revision gives one that is or was in force. NotFound when there is none.
	Revision(ctx context.Context, exportID string, number int64) (*configv1.Revision, error)
}

// Changes tells when a record may have changed, as a hint: one may be missing, and one may tell of nothing.
type Changes interface {
	// Watch gives a hint for each change until ctx ends.
	Watch(ctx context.Context, runID string) (<-chan struct{}, error)
}

// Source knows what the source of the data holds.
type Source interface {
	// Earliest gives the first instant at which all of these tables can be read.
	Earliest(ctx context.Context, tables []string) (time.Time, error)
}

// Planner plans runs and takes reports. All exported fields are set by its maker; it is safe for concurrent use.
type Planner struct {
	Store   Store
	Queue   Queue
	Exports Exports
	Cutter  run.Cutter
	// Previewer may be nil where nobody previews.
	Previewer Previewer
	// Dead may be nil where nobody asks for what was given up.
	Dead Dead
	// Rules bound and order what is queued. They are asked for on each tick.
	Rules func(ctx context.Context) dispatch.Rules
	// SettleDelay is how long after its due time a run is measured.
	SettleDelay time.Duration
	// Changes and Source may be nil: then watchers look now and then, and how far back the source reaches is not known.
	Changes Changes
	Source  Source
	Tel     *obs.Telemetry
	Now     func() time.Time

	rules atomic.Pointer[dispatch.Rules]
	live  live
	bell  bell
	watch watchers
	// dispatching lets one goroutine look and queue at a time: two would only overtake each other.
	dispatching sync.Mutex
}

// Run ticks, and queues tasks as soon as there may be room, until ctx ends. A tick that went wrong is logged and made good
// by a later one.
func (p *Planner) Run(ctx context.Context, every time.Duration) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	defer p.watch.end()
	wg.Go(func() { p.dispatchWhenRung(ctx) })
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

// change updates a record with its time of change, and rings the bell: there may be more to queue, or more room. It does so
// also when nothing changed, because who reported first may have been lost before.
func (p *Planner) change(ctx context.Context, runID string, fn func(*planv1.Run) (bool, error)) (*planv1.Run, bool, error) {
	r, changed, err := p.Store.Update(ctx, runID, func(r *planv1.Run) (bool, error) {
		changed, err := fn(r)
		if changed {
			r.UpdateTime = timestamppb.New(p.Now())
		}
		return changed, err
	})
	if err == nil {
		p.live.note(r)
		p.bell.ring()
	}
	return r, changed, err
}

// announceTime bounds the telling of one fact.
const announceTime = time.Minute

// The facts that the planner tells.
const (
	factPlanned     = "run.planned"
	factMeasured    = "run.measured"
	factCommitted   = "run.committed"
	factFailed      = "run.failed"
	factQuarantined = "run.quarantined"
	factCancelled   = "run.cancelled"
	factExpired     = "run.expired"
	factKept        = "run.kept_beyond_retention"
)

// announce tells a fact about a run.
func (p *Planner) announce(ctx context.Context, r *planv1.Run, fact string, cause *planv1.Failure) {
	p.tell(ctx, r, &eventv1.Event{Type: fact, Reason: cause.GetReason(), Message: cause.GetMessage()})
}

// announceAct tells a fact about a run, and who asked for it, if somebody did.
func (p *Planner) announceAct(ctx context.Context, r *planv1.Run, fact string) {
	e := &eventv1.Event{Type: fact}
	if acts := r.GetActs(); len(acts) > 0 {
		act := acts[len(acts)-1]
		e.Actor, e.Message = act.GetAuthor(), act.GetMethod()+": "+act.GetReason()
	}
	p.tell(ctx, r, e)
}

// tell completes and tells an event. One that is lost is only a hint less, so the caller goes on.
func (p *Planner) tell(ctx context.Context, r *planv1.Run, e *eventv1.Event) {
	ref := r.GetRef()
	e.EventId, e.EventTime = cmp.Or(e.GetEventId(), ref.GetRunId()+"."+e.GetType()), timestamppb.New(p.Now())
	e.CustomerId, e.ExportId, e.RunId, e.ExportDate = ref.GetCustomerId(), ref.GetExportId(), ref.GetRunId(), ref.GetExportDate()
	// Detached: the change is stored, so it is told although a caller hangs up.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), announceTime)
	defer cancel()
	if err := p.Queue.Announce(obs.ContextWithTraceparent(ctx, r.GetTraceparent()), e); err != nil {
		p.Tel.Logger.WarnContext(ctx, "fact not told", obs.KeyRunID, ref.GetRunId(), obs.KeyEventType, e.GetType(), obs.KeyError, err)
	}
}
