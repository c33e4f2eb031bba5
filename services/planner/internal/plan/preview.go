package plan

import (
	"context"
	"fmt"
	"time"

	"github.com/customer-exports/exports/pkg/calendar"
	"github.com/customer-exports/exports/pkg/fault"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	sourcev1 "github.com/customer-exports/exports/proto/exports/source/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/planner/internal/run"
)

// Previewer knows what a run would ask the source, and what it would find.
type Previewer interface {
	// Preview counts at an instant; the zero time means the source's now. Unavailable when the source is away.
	Preview(ctx context.Context, run *taskv1.RunRef, asOf time.Time) (*sourcev1.PreviewRunResponse, error)
}

// Preview says what the run of an export for one date would do, and changes nothing: the parts are those that a
// measurement with the same counts would give. A run whose as-of time lies ahead is counted at the present. Invalid for a
// date that no calendar has, NotFound without such an export or revision, State for a date that will not be owed.
func (p *Planner) Preview(ctx context.Context, exportID, exportDate string, revision int64) (*planv1.Preview, error) {
	date, err := calendar.ParseDate(exportDate)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, fault.ReasonValidation, "export_date %q is not a date: write it as YYYY-MM-DD", exportDate)
	}
	export, err := p.Exports.Get(ctx, exportID)
	if err != nil {
		return nil, err
	}
	export, unapproved, err := run.Suppose(export, revision)
	if err != nil {
		return nil, err
	}
	expected, err := run.Foresee(export, date, p.Now())
	if err != nil {
		return nil, err
	}
	made, err := p.revision(ctx, expected)
	if err != nil {
		return nil, err
	}
	preview, err := p.preview(ctx, run.New(expected, made, p.Now()))
	if err != nil {
		return nil, fmt.Errorf("previewing run %s: %w", expected.RunID(), err)
	}
	preview.Unapproved = unapproved
	return preview, nil
}

// preview measures and cuts a run that is not stored.
func (p *Planner) preview(ctx context.Context, r *planv1.Run) (*planv1.Preview, error) {
	asOf := r.GetRef().GetAsOfTime().AsTime()
	ahead := asOf.After(p.Now())
	if ahead {
		asOf = time.Time{}
	}
	found, err := p.Previewer.Preview(ctx, r.GetRef(), asOf)
	if err != nil {
		return nil, err
	}
	var measured []*planv1.TableMeasurement
	for _, table := range found.GetTables() {
		measured = append(measured, table.GetMeasurement())
	}
	if _, err := run.Measure(r, measured, p.cutter(r)); err != nil {
		// Planner and extractor saw different revisions of the same number, which cannot be.
		return nil, fault.Wrap(err, fault.Internal, fault.ReasonInternal, "the extractor counted other tables than the run has")
	}
	preview := run.Preview(r)
	preview.CountTime, preview.Estimated, preview.MeasureSql = found.GetAsOfTime(), ahead, found.GetMeasureSql()
	for i, table := range found.GetTables() {
		preview.Tables[i].ExtractSql = table.GetExtractSql()
		if preview.GetTables()[i].GetPartCount() > 1 {
			preview.Tables[i].ExtractSql = table.GetExtractRangeSql()
		}
	}
	return preview, nil
}
