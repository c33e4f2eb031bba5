package server

import (
	"context"
	"errors"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/bus"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	eventv1 "github.com/customer-exports/exports/proto/exports/event/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
)

// reportTimeout bounds what is said after an attempt, also after one that ran out of time.
const reportTimeout = 30 * time.Second

// EventCommitted is the type of the event that a committed drop is announced by.
const EventCommitted = "drop.committed"

// Committer makes drops visible, or removes what a failed one has shown.
type Committer interface {
	Commit(ctx context.Context, run *taskv1.RunRef, progress func()) error
	Withdraw(ctx context.Context, run *taskv1.RunRef) error
}

// Aborter discards what a cancelled run has uploaded.
type Aborter interface {
	Abort(ctx context.Context, run *taskv1.RunRef, progress func()) error
}

// Copier delivers a file once more.
type Copier interface {
	Copy(ctx context.Context, run *taskv1.RunRef, work *taskv1.CopyWork, attempt int, progress func()) error
}

// Expirer deletes a drop whose retention is over, or whose place another one took.
type Expirer interface {
	Expire(ctx context.Context, run *taskv1.RunRef, work *taskv1.ExpireWork, progress func()) error
}

// Sweeper discards what attempts of earlier runs left behind.
type Sweeper interface {
	Sweep(ctx context.Context, run *taskv1.RunRef, progress func()) error
}

// Placer keeps the data contract beside the drops.
type Placer interface {
	Place(ctx context.Context, run *taskv1.RunRef) error
}

// Failures is where failed attempts are told.
type Failures interface {
	Failed(ctx context.Context, runID string, failure *planv1.Failure) error
}

// Commits handles commit tasks, the aborts that take a commit's place when a run is cancelled, and the copies that come
// before one when a run is sent once more, and the deletions long after it.
type Commits struct {
	Committer Committer
	Aborter   Aborter
	Copier    Copier
	Expirer   Expirer
	Sweeper   Sweeper
	Placer    Placer
	Failures  Failures
	Announce  func(ctx context.Context, e *eventv1.Event) error
	Tel       *obs.Telemetry
	Now       func() time.Time
}

// Handle does one task; it is a bus.Handler.
func (c *Commits) Handle(ctx context.Context, d bus.Delivery) error {
	err := c.do(ctx, d)
	if err != nil && !errors.Is(context.Cause(ctx), bus.ErrStopping) {
		c.failed(ctx, d, err)
	}
	return err
}

func (c *Commits) do(ctx context.Context, d bus.Delivery) error {
	switch work := d.Task.GetWork().(type) {
	case *taskv1.Task_Commit:
		return c.commit(ctx, d.Task.GetRun(), d.Progress)
	case *taskv1.Task_Abort:
		return c.Aborter.Abort(ctx, d.Task.GetRun(), d.Progress)
	case *taskv1.Task_Expire:
		return c.Expirer.Expire(ctx, d.Task.GetRun(), work.Expire, d.Progress)
	case *taskv1.Task_Copy:
		return c.Copier.Copy(ctx, d.Task.GetRun(), work.Copy, d.Attempt, d.Progress)
	default:
		return fault.New(fault.Invalid, fault.ReasonTaskInvalid, "task %s is neither commit, abort, copy nor expire", d.Task.GetTaskId())
	}
}

func (c *Commits) commit(ctx context.Context, run *taskv1.RunRef, progress func()) error {
	if err := c.Committer.Commit(ctx, run, progress); err != nil {
		return err
	}
	c.Tel.Logger.InfoContext(ctx, "drop committed", obs.KeyRunID, run.GetRunId(), obs.KeyCustomerID, run.GetCustomerId())
	c.announce(ctx, run)
	// What is left behind costs storage, not correctness, and the next drop of the export finds it too.
	if err := c.Sweeper.Sweep(ctx, run, progress); err != nil {
		c.Tel.Logger.WarnContext(ctx, "orphaned uploads left behind", obs.KeyRunID, run.GetRunId(), obs.KeyError, err)
	}
	// The drop is delivered without it, and the next one looks again.
	if err := c.Placer.Place(ctx, run); err != nil {
		c.Tel.Logger.WarnContext(ctx, "data contract not placed", obs.KeyRunID, run.GetRunId(), obs.KeyError, err)
	}
	return nil
}

// announce is a hint that saves the SLA monitor a wait; the drop stands without it.
func (c *Commits) announce(ctx context.Context, run *taskv1.RunRef) {
	err := c.Announce(ctx, &eventv1.Event{
		Type: EventCommitted, CustomerId: run.GetCustomerId(), ExportId: run.GetExportId(), RunId: run.GetRunId(),
		ExportDate: run.GetExportDate(), Message: "the drop is visible and was read back",
	})
	if err != nil {
		c.Tel.Logger.WarnContext(ctx, "event not published, the next tick of the monitor will see the drop", obs.KeyRunID, run.GetRunId(), obs.KeyError, err)
	}
}

// failed tells the planner, and removes what is visible when the drop cannot be had any more.
func (c *Commits) failed(ctx context.Context, d bus.Delivery, cause error) {
	// Detached: the attempt's own time may be over.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), reportTimeout)
	defer cancel()
	run := d.Task.GetRun()
	if d.Task.GetCommit() != nil && hopeless(d, cause) {
		if err := c.Committer.Withdraw(ctx, run); err != nil {
			c.Tel.Logger.ErrorContext(ctx, "files of a failed run may be visible: remove its run folders", obs.KeyRunID, run.GetRunId(), obs.KeyError, err)
		}
	}
	err := c.Failures.Failed(ctx, run.GetRunId(), &planv1.Failure{
		TaskId: d.Task.GetTaskId(), Table: d.Task.GetCopy().GetTable(), Attempt: int32(d.Attempt), Reason: string(fault.ReasonOf(cause)), Message: message(cause),
		FailTime: timestamppb.New(c.Now()), WillRetry: fault.Retryable(cause) && !d.LastAttempt,
	})
	if err != nil {
		c.Tel.Logger.ErrorContext(ctx, "failure not reported", obs.KeyRunID, run.GetRunId(), obs.KeyError, err)
	}
}

// hopeless reports whether any worker on the same task meets the same end. After a last attempt that
// might have succeeded later the files stay, because another worker may just be succeeding.
func hopeless(d bus.Delivery, cause error) bool {
	return !fault.Retryable(cause) || d.LastAttempt && fault.KindOf(cause) == fault.DataLoss
}

// message is our own line about an error, never a driver's text.
func message(err error) string {
	if f, ok := fault.Of(err); ok {
		return f.Message
	}
	return "internal error"
}
