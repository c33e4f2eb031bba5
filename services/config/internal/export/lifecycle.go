package export

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/audit"
)

// Pause stores a revision of an active export that differs from the one in force in nothing but paused. Like Resume and
// Archive it starts from the revision in force: whoever stops an export must not bring something else into force with it.
// A revision that awaits approval is superseded.
func (r *Registry) Pause(ctx context.Context, id, etag string, by By) (*configv1.Export, error) {
	return r.switchTo(ctx, id, etag, by, configv1.ExportState_EXPORT_STATE_ACTIVE, func(s *configv1.ExportSpec) { s.Paused = true })
}

// Resume stores a revision of a paused export that is not paused. It takes effect at once.
func (r *Registry) Resume(ctx context.Context, id, etag string, by By) (*configv1.Export, error) {
	return r.switchTo(ctx, id, etag, by, configv1.ExportState_EXPORT_STATE_PAUSED, func(s *configv1.ExportSpec) { s.Paused = false })
}

func (r *Registry) switchTo(ctx context.Context, id, etag string, by By, from configv1.ExportState, change func(*configv1.ExportSpec)) (e *configv1.Export, err error) {
	defer r.again(ctx, id, &e, &err)
	record, err := r.fresh(ctx, id, etag, by)
	if err != nil {
		return nil, err
	}
	if record.state() != from {
		return nil, wrongState(record, from)
	}
	current, err := r.current(ctx, record)
	if err != nil {
		return nil, err
	}
	next := proto.CloneOf(current.GetSpec())
	change(next)
	return r.propose(ctx, record, proposal{spec: next, by: by, base: current.GetSpec()})
}

// Archive ends a paused export, or one that was never in force, for good. Whoever wants to end an active one pauses it
// first, to which two people must agree.
func (r *Registry) Archive(ctx context.Context, id, etag string, by By) (e *configv1.Export, err error) {
	defer r.again(ctx, id, &e, &err)
	record, err := r.fresh(ctx, id, etag, by)
	if err != nil {
		return nil, err
	}
	if record.state() == configv1.ExportState_EXPORT_STATE_ACTIVE {
		return nil, wrongState(record, configv1.ExportState_EXPORT_STATE_PAUSED)
	}
	base := record.inForce()
	if base == nil {
		base = record.newest()
	}
	last, err := r.read(ctx, record, base)
	if err != nil {
		return nil, err
	}
	next := proto.CloneOf(last.GetSpec())
	next.Paused, next.Archived = true, true
	return r.propose(ctx, record, proposal{spec: next, by: by, base: last.GetSpec(), ends: true})
}

func wrongState(record *Record, wanted configv1.ExportState) error {
	const prefix = "EXPORT_STATE_"
	states := []configv1.ExportState{record.state(), wanted}
	return fault.New(fault.State, fault.ReasonNotActive, "export %s is %s, not %s", record.ExportID,
		words(states[:1], prefix), words(states[1:], prefix))
}

// again answers a request by what it stored when its first answer was lost, and so the state of things refuses it now.
func (r *Registry) again(ctx context.Context, id string, e **configv1.Export, err *error) {
	if kind := fault.KindOf(*err); kind != fault.State && kind != fault.Exists {
		return
	}
	record, missing := r.record(ctx, id)
	if missing != nil {
		return
	}
	done := record.doneBy(audit.Event(ctx).GetRequestId())
	if done == nil {
		return
	}
	if revision, unreadable := r.read(ctx, record, done); unreadable == nil {
		note(ctx, record, nil, revision)
		*e, *err = r.view(ctx, record)
	}
}
