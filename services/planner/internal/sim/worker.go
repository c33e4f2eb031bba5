package sim

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/fault"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/planner/internal/plan"
	"github.com/customer-exports/exports/services/planner/internal/run"
)

// worker is an extractor and a delivery server in one. It may stand still for any time, and then goes on as if nothing
// had happened.
type worker struct {
	world *world
	held  *message // what it stands still with
}

// manifest is what makes a drop visible: the uploads of its parts.
type manifest struct {
	uploads []string
	at      time.Time
}

// retention is how long a drop is kept: until the next day's is there, and no longer.
const retention = 20 * time.Hour

// standStill is the probability that a worker does so with a task in its hands.
const standStill = 0.1

func (w *worker) work() {
	m := w.held
	w.held = nil
	if m == nil {
		survive(w.world.buryExhausted)
		if m = w.world.queue.take(); m == nil {
			return
		}
		if w.world.chance(standStill) {
			w.held = m
			return
		}
	} else if m.visible.Before(w.world.now) {
		w.world.seen.Zombies++ // somebody else may have it by now
	}
	survive(func() { w.do(m, m.deliveries) })
}

// do makes one attempt at a task and settles the message, as pkg/bus does.
func (w *worker) do(m *message, attempt int) {
	if w.world.chance(w.world.trouble.Stop) {
		w.stop(m, attempt)
		return
	}
	err := w.attempt(m.task, attempt)
	last := attempt >= maxDeliver
	switch {
	case err == nil:
		_ = w.world.call(func() error { w.world.queue.settle(m); return nil })
	case last || !fault.Retryable(err):
		w.fail(m.task, attempt, err, false)
		w.world.bury(m, err)
	default:
		w.fail(m.task, attempt, err, true)
		w.world.queue.putOff(m)
	}
}

// stop hands a task back because the process ends in order.
func (w *worker) stop(m *message, attempt int) {
	if attempt < maxDeliver {
		m.visible = w.world.now
		return
	}
	if err := w.world.call(func() error { w.world.queue.handBack(m); return nil }); err == nil {
		_ = w.world.call(func() error { w.world.queue.settle(m); return nil })
	}
}

func (w *worker) fail(t *taskv1.Task, attempt int, cause error, again bool) {
	f := &planv1.Failure{
		TaskId: t.GetTaskId(), Table: tableOf(t), Attempt: int32(attempt), //nolint:gosec // at most maxDeliver
		Reason: string(fault.ReasonOf(cause)), Message: cause.Error(), WillRetry: again, FailTime: timestamppb.New(w.world.now),
	}
	_ = w.world.ask(func(p *plan.Planner) error { return p.Fail(w.world.ctx, t.GetRun().GetRunId(), f) })
}

// tableOf is the table of a task that has one.
func tableOf(t *taskv1.Task) string {
	return cmp.Or(t.GetExtract().GetTable(), t.GetCopy().GetTable())
}

func (w *worker) attempt(t *taskv1.Task, attempt int) error {
	if err := w.world.checkAway(t); err != nil {
		w.world.excused[t.GetTaskId()] = excuses
		return err
	}
	switch {
	case t.GetCopy() != nil && w.world.ill(t.GetTaskId()):
		return fault.New(fault.State, fault.ReasonFileGone, "the file is gone")
	case w.world.ill(t.GetTaskId()):
		return fault.New(fault.DataLoss, fault.ReasonSourceTruncated, "rows are missing")
	case w.world.deadly(t.GetTaskId()):
		panic(crashed{})
	case t.GetMeasure() != nil:
		return w.measure(t)
	case t.GetExtract() != nil:
		return w.extract(t, attempt)
	case t.GetExpire() != nil:
		return w.expire(t)
	case t.GetCopy() != nil:
		return w.copy(t, attempt)
	case t.GetAbort() != nil:
		return w.abort(t.GetRun().GetRunId())
	default:
		return w.commit(t.GetRun().GetRunId())
	}
}

func (w *worker) measure(t *taskv1.Task) error {
	if early := t.GetRun().GetDueTime().AsTime().Add(w.world.settle).Sub(w.world.now); early > maxSkew {
		w.world.wrong("%s is measured %s too early", t.GetRun().GetRunId(), early)
	}
	return w.world.ask(func(p *plan.Planner) error {
		return p.Measure(w.world.ctx, t.GetRun().GetRunId(), w.world.truth(t.GetRun().GetExportId()))
	})
}

func (w *worker) extract(t *taskv1.Task, attempt int) error {
	if w.world.chance(w.world.trouble.Foreign) {
		return fault.New(fault.State, fault.ReasonScopeViolation, "a row outside the scope")
	}
	work := t.GetExtract()
	receipt := &deliveryv1.Receipt{
		Table: work.GetTable(), PartIndex: work.GetPartIndex(), RowCount: work.GetRowCount(),
		UploadId: fmt.Sprintf("%s %d %d", t.GetTaskId(), attempt, w.world.random.Uint64()),
	}
	return w.world.ask(func(p *plan.Planner) error {
		_, err := p.Receive(w.world.ctx, t.GetRun().GetRunId(), receipt)
		return err
	})
}

// copy sends a file once more, as delivery does.
func (w *worker) copy(t *taskv1.Task, attempt int) error {
	work := t.GetCopy()
	var receipt *deliveryv1.Receipt
	err := w.world.ask(func(p *plan.Planner) (err error) {
		_, receipt, err = p.Receipt(w.world.ctx, work.GetSourceRunId(), work.GetTable(), work.GetPartIndex())
		return err
	})
	if err != nil {
		return err
	}
	if _, there := w.world.bucket[work.GetSourceRunId()]; !there {
		if w.world.removed[work.GetSourceRunId()] {
			return fault.New(fault.State, fault.ReasonFileGone, "the drop is deleted")
		}
		w.world.wrong("task %s copies from run %s, which has no drop", t.GetTaskId(), work.GetSourceRunId())
	}
	receipt = proto.CloneOf(receipt)
	receipt.UploadId = fmt.Sprintf("%s %d %d", t.GetTaskId(), attempt, w.world.random.Uint64())
	return w.world.ask(func(p *plan.Planner) error {
		_, err := p.Receive(w.world.ctx, t.GetRun().GetRunId(), receipt)
		return err
	})
}

// abort clears up after a run that has ended, and touches no other.
func (w *worker) abort(runID string) error {
	err := w.world.ask(func(p *plan.Planner) error { return p.CheckWanted(w.world.ctx, runID) })
	switch {
	case err == nil:
		return fault.New(fault.State, fault.ReasonTaskInvalid, "run %s has not ended", runID)
	case fault.ReasonOf(err) != fault.ReasonNotActive:
		return err
	}
	return w.world.ask(func(p *plan.Planner) error { return p.Aborted(w.world.ctx, runID) })
}

// commit makes the drop visible once: whoever comes later finds it there.
func (w *worker) commit(runID string) error {
	var uploads []string
	for token, more := "", true; more; more = token != "" {
		err := w.world.ask(func(p *plan.Planner) error {
			page, err := p.ListReceipts(w.world.ctx, runID, plan.Page{Size: 2, Token: token})
			if err != nil {
				return err
			}
			for _, r := range page.Receipts {
				uploads = append(uploads, r.GetUploadId())
			}
			token = page.NextToken
			return nil
		})
		if err != nil {
			return err
		}
	}
	err := w.world.call(func() error {
		if w.world.removed[runID] {
			return fault.New(fault.DataLoss, fault.ReasonUploadGone, "the uploads were completed long ago")
		}
		if _, there := w.world.bucket[runID]; !there {
			w.world.bucket[runID] = manifest{uploads: slices.Clone(uploads), at: w.world.now}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return w.world.ask(func(p *plan.Planner) error {
		return p.Commit(w.world.ctx, runID, "manifest of "+runID, w.world.bucket[runID].at, w.world.bucket[runID].at.Add(retention))
	})
}

// expire deletes a drop whose time has come, or whose place another one took.
func (w *worker) expire(t *taskv1.Task) error {
	runID, by := t.GetRun().GetRunId(), t.GetExpire().GetSupersededBy().GetRunId()
	drop, there := w.world.bucket[runID]
	if early := drop.at.Add(retention).Sub(w.world.now); there && by == "" && early > maxSkew {
		w.world.wrong("the drop of %s is deleted %s too early", runID, early)
	}
	if by != "" {
		w.world.seen.Superseded++
	}
	if later, taken := w.world.bucket[by]; there && by != "" && (!taken || later.at.Add(run.Handover).Sub(w.world.now) > maxSkew) {
		w.world.wrong("the drop of %s is deleted before that of %s was there for %s", runID, by, run.Handover)
	}
	if err := w.world.call(func() error { w.world.remove(runID); return nil }); err != nil {
		return err
	}
	return w.world.ask(func(p *plan.Planner) error { return p.NoteExpired(w.world.ctx, runID) })
}
