package plan

import (
	"maps"
	"slices"
	"sync"
	"time"

	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/planner/internal/dispatch"
	"github.com/customer-exports/exports/services/planner/internal/run"
)

// live remembers what runs wait for, so that a report costs a look at the queue and not one at every run. It may be behind:
// a record is read again before a task of it is queued. The zero value remembers nothing.
type live struct {
	mu   sync.Mutex
	runs map[string]entry
	// kept are the drops that are visible, by run id.
	kept map[string]run.Kept
	// versions are those of the records read on a tick, also of runs that ended.
	versions map[string]uint64
}

type entry struct {
	run       dispatch.Run
	due       time.Time
	measuring bool
	held      map[string]time.Time // tasks that wait, and until when
	queued    map[string]bool      // tasks that this planner queued
}

// note remembers a record and returns what it waits for.
func (l *live) note(r *planv1.Run) []*taskv1.Task {
	tasks := run.Outstanding(r)
	ref := r.GetRef()
	e := entry{
		run:       dispatch.Run{ID: ref.GetRunId(), Customer: ref.GetCustomerId(), Deadline: r.GetDeadlineTime().AsTime()},
		due:       ref.GetDueTime().AsTime(),
		measuring: r.GetState() == run.Measuring, held: make(map[string]time.Time),
	}
	for _, t := range r.GetTables() {
		e.run.Rows += t.GetMeasuredRowCount()
	}
	for _, t := range tasks {
		e.run.Tasks = append(e.run.Tasks, dispatch.Task{ID: t.GetTaskId(), Kind: run.Kind(t)})
		if until := run.Until(r, t.GetTaskId()); !until.IsZero() {
			e.held[t.GetTaskId()] = until
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.put(e)
	l.keep(r)
	return tasks
}

func (l *live) keep(r *planv1.Run) {
	kept, visible := run.KeptBy(r)
	if !visible {
		delete(l.kept, r.GetRef().GetRunId())
		return
	}
	if l.kept == nil {
		l.kept = make(map[string]run.Kept)
	}
	l.kept[kept.RunID] = kept
}

// visible gives the drops that are, in no order.
func (l *live) visible() []run.Kept {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Values(l.kept))
}

func (l *live) put(e entry) {
	if len(e.run.Tasks) == 0 {
		delete(l.runs, e.run.ID)
		return
	}
	if l.runs == nil {
		l.runs = make(map[string]entry)
	}
	if e.queued = l.runs[e.run.ID].queued; e.queued == nil {
		e.queued = make(map[string]bool)
	}
	for id := range e.held {
		delete(e.queued, id) // given up, and not lost
	}
	l.runs[e.run.ID] = e
}

// read notes a record that is at least as new as a version.
func (l *live) read(r *planv1.Run, version uint64) {
	l.note(r)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.versions[r.GetRef().GetRunId()] = version
}

// outdated lists the runs whose records were not read at these versions, in the order of their ids: a simulation replays.
func (l *live) outdated(versions map[string]uint64) (ids []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	have := l.versions
	l.versions = make(map[string]uint64, len(versions))
	for _, id := range slices.Sorted(maps.Keys(versions)) {
		if version := versions[id]; have[id] == version {
			l.versions[id] = version
		} else {
			ids = append(ids, id)
		}
	}
	return ids
}

// forget drops a run until the next tick.
func (l *live) forget(runID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.runs, runID)
	delete(l.versions, runID)
}

// published remembers that a task was queued, and says whether this planner queued it before.
func (l *live) published(runID, taskID string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	queued := l.runs[runID].queued
	if queued == nil {
		return false // the run ended meanwhile
	}
	before := queued[taskID]
	queued[taskID] = true
	return before
}

// ready gives the runs that wait for tasks, without the tasks that are held. One that is to be measured is ready once it has
// settled.
func (l *live) ready(now time.Time, settle time.Duration) map[string]dispatch.Run {
	l.mu.Lock()
	defer l.mu.Unlock()
	runs := make(map[string]dispatch.Run, len(l.runs))
	for id, e := range l.runs {
		if !e.measuring || !now.Before(e.due.Add(settle)) {
			runs[id] = e.ready(now)
		}
	}
	return runs
}

func (e entry) ready(now time.Time) dispatch.Run {
	if len(e.held) == 0 {
		return e.run
	}
	r := e.run
	r.Tasks = slices.DeleteFunc(slices.Clone(r.Tasks), func(t dispatch.Task) bool { return now.Before(e.held[t.ID]) })
	return r
}
