package plan

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	"github.com/customer-exports/exports/services/planner/internal/run"
)

// tickTime bounds one tick; what is left over is the next one's.
const tickTime = 5 * time.Minute

// Tick plans every drop that is owed and has no run, oldest deadline first, reads the records that changed, begins to
// delete drops whose time has come, and queues what there is room for. It goes on after a fault that concerns one export or
// run, and returns all faults.
func (p *Planner) Tick(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, tickTime)
	defer cancel()
	ctx, span := p.Tel.Start(ctx, obs.SpanTick)
	defer func() { obs.End(span, err) }()
	rules := p.Rules(ctx)
	p.rules.Store(&rules)
	versions, err := p.Store.Versions(ctx)
	if err != nil {
		return err
	}
	exports, err := p.Exports.List(ctx) // without it nothing is planned, and everything else goes on
	return errors.Join(err, p.planOwed(ctx, exports, versions), p.refresh(ctx, versions), p.expireOverdue(ctx, exports), p.dispatchOnTick(ctx))
}

func (p *Planner) planOwed(ctx context.Context, exports []*configv1.Export, planned map[string]uint64) error {
	var all []run.Expectation
	var errs []error
	for _, export := range exports {
		owed, err := run.Owed(export, p.Now())
		all, errs = append(all, owed...), append(errs, err)
	}
	run.Urgent(all)
	for _, e := range all {
		if _, known := planned[e.RunID()]; !known && ctx.Err() == nil {
			_, err := p.plan(ctx, e)
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, ctx.Err())...)
}

// plan plans the run of one drop, or finds the run that exists.
func (p *Planner) plan(ctx context.Context, e run.Expectation) (*planv1.Run, error) {
	revision, err := p.revision(ctx, e)
	if err != nil {
		return nil, err
	}
	r, _, err := p.create(ctx, run.New(e, revision, p.Now()), nil)
	return r, err
}

// create stores a new record with the begin of its trace. before is the run that it follows, or nil. It returns the run that
// is stored, and whether this call created it.
func (p *Planner) create(ctx context.Context, r, before *planv1.Run) (*planv1.Run, bool, error) {
	id := r.GetRef().GetRunId()
	runCtx, root := p.due(ctx, r, before)
	_, span := p.Tel.Start(runCtx, obs.SpanPlan)
	r.Traceparent, r.TraceId = obs.Traceparent(runCtx), root.SpanContext().TraceID().String()
	err := p.Store.Create(ctx, r)
	if fault.KindOf(err) == fault.Exists {
		// The spans are never ended, so they never leave: the run has its root span already, from whoever created it.
		r, err = p.existing(ctx, id)
		return r, false, err
	}
	obs.End(span, err)
	obs.End(root, err)
	if err != nil {
		return nil, false, fmt.Errorf("planning run %s: %w", id, err)
	}
	p.live.note(r)
	p.bell.ring()
	p.Tel.Logger.InfoContext(runCtx, "run planned", obs.KeyRunID, id, obs.KeyCustomerID, r.GetRef().GetCustomerId(), obs.KeyDueTime, r.GetRef().GetDueTime().AsTime())
	p.announceAct(runCtx, r, factPlanned)
	return r, true, nil
}

// revision is the one in force at the due time, which often still is.
func (p *Planner) revision(ctx context.Context, e run.Expectation) (*configv1.Revision, error) {
	if current := e.Export.GetRevision(); current.GetRevision() == e.Revision {
		return current, nil
	}
	return p.Exports.Revision(ctx, e.Export.GetExportId(), e.Revision)
}

// due starts the root span of a run: a trace of its own, linked to the tick or call that found the run due, and to the
// trace of the run that it follows.
func (p *Planner) due(ctx context.Context, r, before *planv1.Run) (context.Context, trace.Span) {
	ref, links := r.GetRef(), []trace.Link{trace.LinkFromContext(ctx)}
	if before != nil {
		links = append(links, trace.LinkFromContext(obs.ContextWithTraceparent(ctx, before.GetTraceparent())))
	}
	ctx, root := p.Tel.Tracer.Start(ctx, obs.SpanDue, trace.WithNewRoot(), trace.WithLinks(links...),
		trace.WithAttributes(
			attribute.String(obs.KeyDueTime, ref.GetDueTime().AsTime().Format(time.RFC3339)),
			attribute.String(obs.KeyDeadline, r.GetDeadlineTime().AsTime().Format(time.RFC3339)),
			attribute.String(obs.KeyAsOfTime, ref.GetAsOfTime().AsTime().Format(time.RFC3339)),
			attribute.Int64(obs.KeyRevision, ref.GetRevision()),
		))
	return obs.WithAttrs(ctx, obs.RunAttrs(ref)...), root
}

// existing reads a run that somebody else planned.
func (p *Planner) existing(ctx context.Context, id string) (*planv1.Run, error) {
	r, err := p.Store.Get(ctx, id)
	if err == nil {
		p.live.note(r)
		p.bell.ring()
	}
	return r, err
}

// refresh reads the records that changed since they were read on a tick: other planners change them too.
func (p *Planner) refresh(ctx context.Context, versions map[string]uint64) error {
	var errs []error
	for _, id := range p.live.outdated(versions) {
		if ctx.Err() != nil {
			break
		}
		r, err := p.Store.At(ctx, id, versions[id])
		if err == nil {
			err = p.recoverUnless(ctx, r, versions)
		}
		if err != nil {
			errs = append(errs, err) // and read again on the next tick
			continue
		}
		p.live.read(r, versions[id])
	}
	return errors.Join(errs...)
}
