package plan

import (
	"context"
	"fmt"
	"time"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	"github.com/customer-exports/exports/services/planner/internal/run"
)

// ReExtract plans the run that reads the drop of another one once more; the zero asOf means its own instant. NotFound
// without such a run, State and Invalid as run.ReExtract, State SUPERSEDED when the run was followed before, and State when
// its date is not owed any more.
func (p *Planner) ReExtract(ctx context.Context, runID string, asOf time.Time, by By) (*planv1.Run, error) {
	act := by.act("ReExtract", p.Now())
	return p.again(ctx, runID, act, func(r *planv1.Run) (*planv1.Run, error) {
		next, err := run.ReExtract(r, asOf, act, p.Now())
		if err != nil {
			return nil, err
		}
		_, _, err = p.expect(ctx, r.GetRef().GetExportId(), r.GetRef().GetExportDate())
		return next, err
	})
}

// RePlan plans the drop of another run anew, under the revision in force; the zero asOf means the instant that serves.
// Refusals as ReExtract, and State PLAN_NOT_STALE.
func (p *Planner) RePlan(ctx context.Context, runID string, asOf time.Time, by By) (*planv1.Run, error) {
	act := by.act("RePlan", p.Now())
	return p.again(ctx, runID, act, func(r *planv1.Run) (*planv1.Run, error) {
		export, _, err := p.expect(ctx, r.GetRef().GetExportId(), r.GetRef().GetExportDate())
		if err != nil {
			return nil, err
		}
		return run.RePlan(r, export.GetRevision(), asOf, act, p.Now())
	})
}

// Resend plans the run that delivers the files of another one once more. Refusals as ReExtract, and State NOT_COMMITTED.
func (p *Planner) Resend(ctx context.Context, runID string, by By) (*planv1.Run, error) {
	act := by.act("Resend", p.Now())
	return p.again(ctx, runID, act, func(r *planv1.Run) (*planv1.Run, error) {
		next, err := run.Resend(r, act, p.Now())
		if err != nil {
			return nil, err
		}
		_, _, err = p.expect(ctx, r.GetRef().GetExportId(), r.GetRef().GetExportDate())
		return next, err
	})
}

// again plans the run that decide makes from the record of another one.
func (p *Planner) again(ctx context.Context, runID string, act *planv1.Act, decide func(*planv1.Run) (*planv1.Run, error)) (*planv1.Run, error) {
	if err := p.checkLast(ctx, runID); err != nil {
		return nil, err
	}
	var next *planv1.Run
	// The act is noted with the run that is followed too: a write is refused when what was decided from is old.
	r, _, err := p.change(ctx, runID, func(r *planv1.Run) (_ bool, err error) {
		if next, err = decide(r); err == nil {
			run.Note(r, act)
		}
		return err == nil, err
	})
	if err != nil {
		return nil, fmt.Errorf("following run %s: %w", runID, err)
	}
	next, created, err := p.create(ctx, next, r)
	if err == nil && !created {
		return nil, superseded(runID)
	}
	return next, err
}

// checkLast refuses a run that was followed.
func (p *Planner) checkLast(ctx context.Context, runID string) error {
	if !run.IsID(runID) {
		return fault.New(fault.NotFound, fault.ReasonNotFound, "there is no run %q", runID)
	}
	switch _, err := p.Store.Get(ctx, run.NextID(runID)); fault.KindOf(err) {
	case fault.NotFound:
		return nil
	case "":
		return superseded(runID)
	default:
		return err
	}
}

func superseded(runID string) error {
	return fault.New(fault.State, fault.ReasonSuperseded, "run %s was followed by run %s already", runID, run.NextID(runID))
}

// recoverNow recovers a run as soon as it failed. It is haste: a tick finds the same.
func (p *Planner) recoverNow(ctx context.Context, r *planv1.Run) {
	if err := p.recover(ctx, r); err != nil {
		p.Tel.Logger.WarnContext(ctx, "run not planned anew, the next tick will", obs.KeyRunID, r.GetRef().GetRunId(), obs.KeyError, err, obs.KeyReason, fault.ReasonOf(err))
	}
}

// recoverUnless recovers a run that was not followed by another one.
func (p *Planner) recoverUnless(ctx context.Context, r *planv1.Run, runs map[string]uint64) error {
	if _, followed := runs[run.NextID(r.GetRef().GetRunId())]; followed {
		return nil
	}
	return p.recover(ctx, r)
}

// recover plans the drop of a run anew when it failed because the source no longer holds its due time: once a date, and
// only while the date is owed.
func (p *Planner) recover(ctx context.Context, r *planv1.Run) error {
	next, found := run.Recover(r, p.Now())
	if !found {
		return nil
	}
	_, _, err := p.expect(ctx, r.GetRef().GetExportId(), r.GetRef().GetExportDate())
	if kind := fault.KindOf(err); kind == fault.State || kind == fault.NotFound {
		return nil // not owed any more
	}
	if err != nil {
		return err
	}
	if before, err := p.recoveredBefore(ctx, r); before || err != nil {
		return err
	}
	next, created, err := p.create(ctx, next, r)
	if created {
		p.Tel.Logger.WarnContext(ctx, "the source no longer holds the as-of time, run planned anew", obs.KeyRunID, next.GetRef().GetRunId(),
			obs.KeyAsOfTime, next.GetRef().GetAsOfTime().AsTime())
	}
	return err
}

// recoveredBefore says whether one of the runs that r follows was planned anew by the planner itself.
func (p *Planner) recoveredBefore(ctx context.Context, r *planv1.Run) (bool, error) {
	for id := r.GetSupersedesRunId(); id != ""; id = r.GetSupersedesRunId() {
		var err error
		if r, err = p.Store.Get(ctx, id); err != nil {
			return false, err
		}
		if r.GetAsOfReplanned() {
			return true, nil
		}
	}
	return false, nil
}
