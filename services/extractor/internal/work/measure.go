package work

import (
	"context"
	"fmt"
	"time"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	"github.com/customer-exports/exports/pkg/scope"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/extractor/internal/source"
)

// measure counts the rows of every table of the revision and reports them.
func (h *Handler) measure(ctx context.Context, attempt source.Attempt) (err error) {
	ctx, span := h.Telemetry.Start(ctx, obs.SpanMeasure, attributes(attempt)...)
	defer func() { obs.End(span, err) }()
	revision, err := h.approved(ctx, attempt.Run)
	if err != nil {
		return err
	}
	survey, tables, err := h.survey(revision, attempt.Run.GetAsOfTime().AsTime())
	if err != nil {
		return err
	}
	counts, err := h.Source.Measure(ctx, attempt, survey)
	if err != nil {
		return err
	}
	if err := h.Planner.Measured(ctx, attempt.Run.GetRunId(), tables, counts); err != nil {
		return fmt.Errorf("reporting row counts: %w", refused(err))
	}
	return nil
}

func (h *Handler) survey(revision *configv1.Revision, asOf time.Time) (source.Survey, []string, error) {
	survey := source.Survey{AsOf: asOf, Large: large(revision)}
	var tables []string
	for _, selection := range revision.GetSpec().GetTables() {
		layout, err := h.layout(selection)
		if err != nil {
			return survey, nil, err
		}
		survey.Layouts = append(survey.Layouts, layout)
		tables = append(tables, selection.GetTable())
	}
	set, err := scopeOf(revision)
	survey.Scope = set
	return survey, tables, err
}

// scopeOf refuses an empty scope even where only shared tables are read: it means nothing may leave.
func scopeOf(revision *configv1.Revision) (*scope.Set, error) {
	set, err := scope.FromProto(revision.GetSpec().GetScope())
	if err != nil {
		return nil, fault.Wrap(err, fault.State, fault.ReasonEmptyScope, "the scope of revision %d cannot be used", revision.GetRevision())
	}
	return set, nil
}
