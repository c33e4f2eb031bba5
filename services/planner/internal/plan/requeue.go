package plan

import (
	"context"
	"fmt"
	"slices"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	eventv1 "github.com/customer-exports/exports/proto/exports/event/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	"github.com/customer-exports/exports/services/planner/internal/run"
)

// factRevived is told when a run that failed goes on.
const factRevived = "run.revived"

// Which names a dead task: by its sequence, or else by its id, which means the last time that it was given up.
type Which struct {
	Sequence uint64
	TaskID   string
}

// Requeue has a task that was given up done once more, with everything else that its run waits for. First the run goes on,
// then its tasks leave the dead, then the record forgets them: whoever stops in between leaves a run that goes on, and the
// call can be repeated. NotFound without such a task, State TASK_INVALID when it cannot be read, SUPERSEDED when another run
// followed for the date, and as run.Revive.
func (p *Planner) Requeue(ctx context.Context, which Which, act *planv1.Act) (*planv1.DeadTask, *planv1.Run, error) {
	task, err := p.deadTask(ctx, which)
	if err != nil {
		return nil, nil, err
	}
	id := task.GetTask().GetRun().GetRunId()
	act.ActTime = timestamppb.New(p.Now())
	dead, err := p.deadOf(ctx, DeadFilter{CustomerID: task.GetCustomerId(), RunID: id})
	if err != nil {
		return nil, nil, err
	}
	dead = slices.DeleteFunc(dead, func(d *planv1.DeadTask) bool { return d.GetTask() == nil })
	deaths, times := deathsOf(dead)
	r, _, err := p.change(ctx, id, func(r *planv1.Run) (bool, error) {
		if err := p.checkLast(ctx, id); err != nil {
			return false, err
		}
		err := run.Revive(r, task.GetTask().GetTaskId(), deaths, act)
		return err == nil, err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("reviving run %s: %w", id, err)
	}
	p.tellRevived(ctx, r, task, act)
	for _, d := range dead {
		if err := p.Dead.Remove(ctx, d.GetSequence()); err != nil {
			return nil, nil, err
		}
	}
	r, _, err = p.change(ctx, id, func(r *planv1.Run) (bool, error) { return run.Forget(r, times), nil })
	if err != nil {
		return nil, nil, fmt.Errorf("noting what is dead no more of run %s: %w", id, err)
	}
	return task, r, nil
}

// deadTask finds a dead task that can be read.
func (p *Planner) deadTask(ctx context.Context, which Which) (*planv1.DeadTask, error) {
	found, err := p.find(ctx, which)
	switch {
	case err != nil:
		return nil, err
	case found == nil:
		return nil, fault.New(fault.NotFound, fault.ReasonNotFound, "no such task was given up, or it was queued again: look it up by ListDeadTasks")
	case found.GetTask() == nil:
		return nil, fault.New(fault.State, fault.ReasonTaskInvalid, "dead task %d cannot be read: nothing can be queued", found.GetSequence())
	}
	return found, nil
}

func (p *Planner) find(ctx context.Context, which Which) (*planv1.DeadTask, error) {
	if which.TaskID != "" {
		all, err := p.deadOf(ctx, DeadFilter{TaskID: which.TaskID})
		if err != nil || len(all) == 0 {
			return nil, err
		}
		return all[len(all)-1], nil
	}
	next, err := p.Dead.List(ctx, DeadFilter{}, which.Sequence, 1)
	if err != nil || len(next) == 0 || next[0].GetSequence() != which.Sequence {
		return nil, err
	}
	return next[0], nil
}

// deadOf reads all pages.
func (p *Planner) deadOf(ctx context.Context, f DeadFilter) (all []*planv1.DeadTask, err error) {
	for from := uint64(1); ; from = all[len(all)-1].GetSequence() + 1 {
		page, err := p.Dead.List(ctx, f, from, standardDead)
		if all = append(all, page...); err != nil || len(page) < standardDead {
			return all, err
		}
	}
}

// deathsOf gives the last death of each task as the record would have it, and the number of them.
func deathsOf(dead []*planv1.DeadTask) (deaths []*planv1.Failure, times map[string]int32) {
	times = map[string]int32{}
	last := map[string]*planv1.Failure{}
	for _, d := range dead { // oldest first
		id := d.GetTask().GetTaskId()
		if last[id] == nil {
			last[id] = &planv1.Failure{TaskId: id, Table: d.GetTask().GetExtract().GetTable()}
			deaths = append(deaths, last[id])
		}
		times[id]++
		f := last[id]
		f.Attempt, f.Reason, f.Message, f.FailTime, f.GivenUpCount = d.GetAttemptCount(), d.GetReason(), d.GetCause(), d.GetDeadTime(), times[id]
	}
	return deaths, times
}

// tellRevived tells that a run goes on, and who had it do so.
func (p *Planner) tellRevived(ctx context.Context, r *planv1.Run, task *planv1.DeadTask, act *planv1.Act) {
	ref := r.GetRef()
	p.Tel.Logger.InfoContext(ctx, "run revived", obs.KeyRunID, ref.GetRunId(), obs.KeyTaskID, task.GetTask().GetTaskId(), obs.KeyRunState, run.Word(r.GetState()))
	// It may be revived again, and for each time the fact has an id of its own.
	p.tell(ctx, r, &eventv1.Event{
		EventId: fmt.Sprintf("%s.%s.%d", ref.GetRunId(), factRevived, task.GetSequence()), Type: factRevived,
		Actor: act.GetAuthor(), Message: act.GetMethod() + ": " + act.GetReason(),
	})
}
