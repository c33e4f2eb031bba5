package plan

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/obs"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	"github.com/customer-exports/exports/services/planner/internal/run"
)

// Measure takes the row counts of a run, from which its extracts follow.
func (p *Planner) Measure(ctx context.Context, runID string, tables []*planv1.TableMeasurement) error {
	r, changed, err := p.change(ctx, runID, func(r *planv1.Run) (bool, error) { return run.Measure(r, tables, p.cutter(r)) })
	if err != nil {
		return fmt.Errorf("measuring run %s: %w", runID, err)
	}
	if changed {
		p.announce(ctx, r, factMeasured, nil)
	}
	return nil
}

// cutter cuts a run by what the files of the drop before show.
func (p *Planner) cutter(r *planv1.Run) run.Cutter {
	c := p.Cutter
	c.Widths = run.WidthsFor(p.live.visible(), r.GetRef().GetExportId())
	return c
}

// Receive takes the receipt of a part, and says whether it stands: the first one does. From the last part's receipt the
// commit follows.
func (p *Planner) Receive(ctx context.Context, runID string, receipt *deliveryv1.Receipt) (bool, error) {
	r, err := p.Store.Get(ctx, runID)
	if err != nil {
		return false, err
	}
	if err := run.Check(r, receipt); err != nil {
		p.noteStray(ctx, r)
		return false, fmt.Errorf("checking a receipt of run %s: %w", runID, err)
	}
	standing, err := p.Store.Accept(ctx, runID, receipt)
	if err != nil {
		return false, err
	}
	// Also when another attempt's receipt stands: its reporter may have been lost before it was noted.
	r, _, err = p.change(ctx, runID, func(r *planv1.Run) (bool, error) { return run.Receive(r, standing) })
	if err != nil {
		p.noteStray(ctx, r)
		return false, fmt.Errorf("noting a receipt of run %s: %w", runID, err)
	}
	return proto.Equal(standing, receipt), nil
}

// Commit notes that the drop is visible since at, where the zero time means now, and may be deleted from expires on, where it
// means never.
func (p *Planner) Commit(ctx context.Context, runID, manifestKey string, at, expires time.Time) error {
	if at.IsZero() {
		at = p.Now()
	}
	r, changed, err := p.change(ctx, runID, func(r *planv1.Run) (bool, error) { return run.Commit(r, manifestKey, at, expires) })
	if err != nil {
		return fmt.Errorf("committing run %s: %w", runID, err)
	}
	if changed {
		p.Tel.Logger.InfoContext(ctx, "run committed", obs.KeyRunID, runID, obs.KeyFile, manifestKey)
		p.announce(ctx, r, factCommitted, nil)
	}
	return nil
}

// Fail notes a failed attempt; a failure without a time, or with one that is still to come, failed now.
func (p *Planner) Fail(ctx context.Context, runID string, f *planv1.Failure) error {
	f.GivenUpCount = 0 // ours to count
	if err := p.noteFailure(ctx, runID, f); err != nil {
		return fmt.Errorf("noting a failure of run %s: %w", runID, err)
	}
	return nil
}

// noteFailure notes a failure, unless a later one of the same task is on record, and tells of it.
func (p *Planner) noteFailure(ctx context.Context, runID string, f *planv1.Failure) error {
	if now := p.Now(); f.GetFailTime() == nil || f.GetFailTime().AsTime().After(now) {
		f.FailTime = timestamppb.New(now)
	}
	var before planv1.RunState
	var noted *planv1.Failure
	r, changed, err := p.change(ctx, runID, func(r *planv1.Run) (bool, error) {
		// A copy each time: this is asked again when the record changed meanwhile.
		before, noted = r.GetState(), proto.CloneOf(f)
		if f.GetGivenUpCount() > 0 && f.GetGivenUpCount() <= run.GivenUp(r, f.GetTaskId()) {
			return false, nil
		}
		return run.Fail(r, noted), nil
	})
	if changed {
		p.tellFailure(ctx, before, r, noted)
		p.recoverNow(ctx, r)
	}
	return err
}

// CheckWanted refuses with State NOT_ACTIVE to go on with a task of a run that has ended.
func (p *Planner) CheckWanted(ctx context.Context, runID string) error {
	r, err := p.Store.Get(ctx, runID)
	if err != nil {
		return err
	}
	return run.CheckWanted(r)
}

// tellFailure logs a failure, and tells it when it ended the run.
func (p *Planner) tellFailure(ctx context.Context, before planv1.RunState, r *planv1.Run, f *planv1.Failure) {
	log := p.Tel.Logger.With(obs.KeyRunID, r.GetRef().GetRunId(), obs.KeyTaskID, f.GetTaskId(), obs.KeyAttempt, f.GetAttempt(),
		obs.KeyReason, f.GetReason(), obs.KeyWillRetry, f.GetWillRetry())
	switch until := run.Until(r, f.GetTaskId()); {
	case before == r.GetState() && !f.GetWillRetry() && len(run.Outstanding(r)) > 0 && !until.IsZero():
		log.WarnContext(ctx, "task given up for now, somebody was away", obs.KeyDelay, until.Sub(f.GetFailTime().AsTime()).String())
	case r.GetState() == run.Expiring && !f.GetWillRetry():
		log.ErrorContext(ctx, "drop kept beyond its time: it cannot be deleted")
		p.announce(ctx, r, factKept, f)
	case before == r.GetState():
		log.WarnContext(ctx, "attempt failed", obs.KeyRunState, run.Word(r.GetState()))
	case r.GetState() == run.Quarantined:
		log.ErrorContext(ctx, "run quarantined: a row outside the scope was met")
		p.announce(ctx, r, factQuarantined, f)
	default:
		log.ErrorContext(ctx, "run failed")
		p.announce(ctx, r, factFailed, f)
	}
}
