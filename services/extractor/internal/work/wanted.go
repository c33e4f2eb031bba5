package work

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/customer-exports/exports/pkg/fault"
)

// Runs knows whether a run still waits for its tasks.
type Runs interface {
	// Wanted fails with NOT_ACTIVE when the run has ended.
	Wanted(ctx context.Context, runID string) error
}

// errUnwanted ends an attempt whose run has ended. The task is done with, and nothing failed.
var errUnwanted = errors.New("the run has ended")

// whileWanted makes an attempt as long as its run waits for it. Ending the attempt's context stops the statement at the
// source, and has delivery discard what it was sent. A row outside the scope outweighs the end of its run.
func (h *Handler) whileWanted(ctx context.Context, runID string, attempt func(context.Context) error) error {
	if h.unwanted(ctx, runID) {
		return errUnwanted
	}
	var asking sync.WaitGroup
	defer asking.Wait()
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	asking.Go(func() { h.keepAsking(ctx, runID, end) })
	err := attempt(ctx)
	if err != nil && errors.Is(context.Cause(ctx), errUnwanted) && fault.ReasonOf(err) != fault.ReasonScopeViolation {
		return errUnwanted
	}
	return err
}

// keepAsking ends the attempt when its run has ended.
func (h *Handler) keepAsking(ctx context.Context, runID string, end context.CancelCauseFunc) {
	ticker := time.NewTicker(h.AskEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if h.unwanted(ctx, runID) {
				end(errUnwanted)
				return
			}
		}
	}
}

// unwanted needs a clear word: a planner that is away does not stop a reading that may take hours.
func (h *Handler) unwanted(ctx context.Context, runID string) bool {
	return fault.ReasonOf(h.Runs.Wanted(ctx, runID)) == fault.ReasonNotActive
}

// refused is what an error of a report, or of delivery, means: one for a run that has ended is no failure.
func refused(err error) error {
	if fault.ReasonOf(err) == fault.ReasonNotActive {
		return errUnwanted
	}
	return err
}
