package run

import (
	"fmt"

	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
)

// Kinds of tasks: the second token of the subject they are queued on.
const (
	KindMeasure = "measure"
	KindExtract = "extract"
	KindCommit  = "commit"
	KindAbort   = "abort"
	KindCopy    = "copy"
	KindExpire  = "expire"
)

// AsksSource says whether a task of this kind is a statement at the source. Any other is done at the bucket alone.
func AsksSource(kind string) bool { return kind == KindMeasure || kind == KindExtract }

// Kind says what a task asks for.
func Kind(t *taskv1.Task) string {
	switch t.GetWork().(type) {
	case *taskv1.Task_Measure:
		return KindMeasure
	case *taskv1.Task_Extract:
		return KindExtract
	case *taskv1.Task_Abort:
		return KindAbort
	case *taskv1.Task_Copy:
		return KindCopy
	case *taskv1.Task_Expire:
		return KindExpire
	default:
		return KindCommit
	}
}

// Outstanding lists the tasks that the run waits for: the follow-up of its last change, also when that was lost.
func Outstanding(r *planv1.Run) []*taskv1.Task {
	switch r.GetState() {
	case Measuring:
		return []*taskv1.Task{{TaskId: measureID(r), Run: r.GetRef(), Work: &taskv1.Task_Measure{Measure: &taskv1.MeasureWork{}}}}
	case Extracting:
		return parts(r)
	case Committing:
		return []*taskv1.Task{{TaskId: commitID(r), Run: r.GetRef(), Work: &taskv1.Task_Commit{Commit: &taskv1.CommitWork{}}}}
	case Cancelled, Quarantined:
		return aborts(r)
	case Expiring:
		return expiries(r)
	default:
		return nil
	}
}

// parts are the tasks for what has no receipt yet: each is read at the source, or copied from another run.
func parts(r *planv1.Run) []*taskv1.Task {
	var tasks []*taskv1.Task
	for _, t := range r.GetTables() {
		for _, p := range t.GetParts() {
			if p.GetReceived() {
				continue
			}
			task := &taskv1.Task{TaskId: partID(r, t.GetTable(), p.GetPartIndex()), Run: r.GetRef()}
			if Resends(r) {
				task.Work = &taskv1.Task_Copy{Copy: &taskv1.CopyWork{
					Table: t.GetTable(), PartIndex: p.GetPartIndex(), SourceRunId: r.GetSupersedesRunId(),
				}}
			} else {
				task.Work = &taskv1.Task_Extract{Extract: &taskv1.ExtractWork{
					Table: t.GetTable(), PartIndex: p.GetPartIndex(), Range: p.GetRange(), RowCount: p.GetMeasuredRowCount(),
				}}
			}
			tasks = append(tasks, task)
		}
	}
	return tasks
}

// Settled says that a task's work is done, by whichever attempt.
func Settled(r *planv1.Run, taskID string) bool {
	if taskID == measureID(r) {
		return r.GetState() != Measuring
	}
	for _, t := range r.GetTables() {
		for _, p := range t.GetParts() {
			if p.GetReceived() && taskID == partID(r, t.GetTable(), p.GetPartIndex()) {
				return true
			}
		}
	}
	return false
}

// aborts is the clearing up after a run that is over. When the bucket does not let us, its lifecycle rule is left.
func aborts(r *planv1.Run) []*taskv1.Task {
	if r.GetUploadsAborted() || len(Parts(r)) == 0 || refused(r, abortID(r)) {
		return nil
	}
	return []*taskv1.Task{{TaskId: abortID(r), Run: r.GetRef(), Work: &taskv1.Task_Abort{Abort: &taskv1.AbortWork{}}}}
}

// refused says that a task was given up for something that does not pass.
func refused(r *planv1.Run, taskID string) bool {
	return GivenUp(r, taskID) > 0 && Until(r, taskID).IsZero()
}

func measureID(r *planv1.Run) string { return r.GetRef().GetRunId() + "." + KindMeasure }

func commitID(r *planv1.Run) string { return r.GetRef().GetRunId() + "." + KindCommit }

func abortID(r *planv1.Run) string { return r.GetRef().GetRunId() + "." + KindAbort }

func expireID(r *planv1.Run) string { return r.GetRef().GetRunId() + "." + KindExpire }

// partID names the task of a part, whichever kind it is.
func partID(r *planv1.Run, table string, index int32) string {
	kind := KindExtract
	if Resends(r) {
		kind = KindCopy
	}
	return fmt.Sprintf("%s.%s.%s.%d", r.GetRef().GetRunId(), kind, table, index)
}
