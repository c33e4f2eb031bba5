package plan

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/calendar"
	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	"github.com/customer-exports/exports/services/planner/internal/run"
)

// By is who asks for something, and why.
type By struct{ Author, Reason string }

func (by By) act(method string, now time.Time) *planv1.Act {
	return &planv1.Act{Method: method, Author: by.Author, Reason: by.Reason, ActTime: timestamppb.New(now)}
}

// Start plans the run of one drop that is due, or returns the newest run that exists. Invalid for a date that no calendar
// has, NotFound without such an export, State with one of term.On's reasons for a date that is not owed.
func (p *Planner) Start(ctx context.Context, exportID, exportDate string, by By) (*planv1.Run, error) {
	_, e, err := p.expect(ctx, exportID, exportDate)
	if err != nil {
		return nil, err
	}
	revision, err := p.revision(ctx, e)
	if err != nil {
		return nil, err
	}
	r := run.New(e, revision, p.Now())
	run.Note(r, by.act("StartRun", p.Now()))
	r, created, err := p.create(ctx, r, nil)
	if err != nil || created {
		return r, err
	}
	return p.newest(ctx, r)
}

// expect gives an export, and its drop of one date.
func (p *Planner) expect(ctx context.Context, exportID, exportDate string) (*configv1.Export, run.Expectation, error) {
	date, err := calendar.ParseDate(exportDate)
	if err != nil {
		return nil, run.Expectation{}, fault.Wrap(err, fault.Invalid, fault.ReasonValidation, "export_date %q is not a date: write it as YYYY-MM-DD", exportDate)
	}
	export, err := p.Exports.Get(ctx, exportID)
	if err != nil {
		return nil, run.Expectation{}, err
	}
	e, err := run.Expect(export, date, p.Now())
	return export, e, err
}

// newest follows the runs of a date from r to the last one.
func (p *Planner) newest(ctx context.Context, r *planv1.Run) (*planv1.Run, error) {
	for {
		next, err := p.Store.Get(ctx, run.NextID(r.GetRef().GetRunId()))
		switch {
		case fault.KindOf(err) == fault.NotFound:
			return r, nil
		case err != nil:
			return nil, fmt.Errorf("looking for what follows run %s: %w", r.GetRef().GetRunId(), err)
		}
		r = next
	}
}
