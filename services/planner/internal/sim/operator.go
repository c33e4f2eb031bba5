package sim

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	"github.com/customer-exports/exports/services/planner/internal/plan"
	"github.com/customer-exports/exports/services/planner/internal/run"
)

// operate lets an operator ask for something of a run, whether it makes sense or not, and hear the answer or not. The run is
// drawn from all that there are, the newest of a date more often than not.
func (w *world) operate() {
	if !w.chance(w.trouble.Ask) || len(w.store.runs) == 0 {
		return
	}
	id := w.drawRun()
	by := plan.By{Author: "ann@example.com", Reason: "ticket"}
	verb := w.random.IntN(4)
	err := w.ask(func(p *plan.Planner) (err error) {
		switch verb {
		case 0:
			_, err = p.Cancel(w.ctx, id, by)
		case 1:
			_, err = p.ReExtract(w.ctx, id, time.Time{}, by)
		default:
			_, err = p.Resend(w.ctx, id, by)
		}
		return err
	})
	if err == nil {
		w.seen.Asked++
	}
}

func (w *world) drawRun() string {
	ids := slices.Sorted(maps.Keys(w.store.runs))
	id := ids[w.random.IntN(len(ids))]
	for next := run.NextID(id); len(w.store.runs[next]) > 0 && !w.chance(0.2); next = run.NextID(id) {
		id = next
	}
	return id
}

// newest is a record as it is.
func (s *memStore) newest(id string) *planv1.Run {
	versions := s.runs[id]
	if len(versions) == 0 {
		return nil
	}
	return versions[len(versions)-1]
}

// checkFollows is made when a record is created: one that follows another of its date does so after its end, and what it
// sends once more is a drop.
func (w *world) checkFollows(r *planv1.Run) {
	id, before := r.GetRef().GetRunId(), w.store.newest(r.GetSupersedesRunId())
	switch {
	case r.GetSupersedesRunId() == "":
	case before == nil || run.NextID(r.GetSupersedesRunId()) != id:
		w.wrong("run %s follows run %s", id, r.GetSupersedesRunId())
	case !run.Ended(before):
		w.wrong("run %s follows run %s, which is still %s", id, r.GetSupersedesRunId(), run.Word(before.GetState()))
	case run.Resends(r) && !run.Delivered(before):
		w.wrong("run %s resends run %s, which is %s", id, r.GetSupersedesRunId(), run.Word(before.GetState()))
	}
	if run.Resends(r) {
		w.seen.Resent++
	}
}

// checkAsked is what operators count on at the end: a cancelled run shows nothing, one that is over leaves no uploads, and what was sent
// once more is what was read.
func (w *world) checkAsked(r *planv1.Run) error {
	id := r.GetRef().GetRunId()
	_, visible := w.bucket[id]
	switch {
	case r.GetState() == run.Cancelled && visible:
		return errors.New("it is cancelled, but its drop is there")
	case run.Over(r) && len(run.Parts(r)) > 0 && !r.GetUploadsAborted() && run.GivenUp(r, id+"."+run.KindAbort) == 0:
		return fmt.Errorf("it is %s, and its uploads were not aborted; its failures are %v", run.Word(r.GetState()), r.GetFailures())
	case run.Resends(r) && !run.Delivered(w.store.newest(r.GetResendsRunId())):
		return fmt.Errorf("it resends run %s, which was not committed", r.GetResendsRunId())
	}
	return nil
}
