package work

import (
	"context"
	"fmt"
	"time"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/fault"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/extractor/internal/source"
)

const (
	// previewWithin bounds a preview: somebody waits for it.
	previewWithin = 2 * time.Minute
	// maxPreviews is how many statements of previews run beside those of tasks, which the planner counts.
	maxPreviews = 2
)

// Teller tells what would be asked, and when it is at the source.
type Teller interface {
	// MeasureText is the text of the statement that counts a survey.
	MeasureText(survey source.Survey) (string, error)
	// ExtractText is the text of the statement that reads a part.
	ExtractText(part source.Part) (string, error)
	// Now is the source's time.
	Now(ctx context.Context) (time.Time, error)
}

// Preview is what a run would ask and find. Its texts hold no value.
type Preview struct {
	AsOf        time.Time
	MeasureText string
	// Tables are in the revision's order.
	Tables []TablePreview
	Counts []source.Count
}

// TablePreview is the texts of one table.
type TablePreview struct {
	Table, ExtractText string
	// RangeText reads one part of several; empty for a table that cannot be cut.
	RangeText string
}

// Preview counts what a run would read, by the code that measures, and gives the texts of its statements. The zero as-of
// time means the source's now. run names customer, export and revision; no task of it is done, so a revision that awaits
// approval is taken too. Exhausted while others preview.
func (h *Handler) Preview(ctx context.Context, run *taskv1.RunRef, asOf time.Time) (*Preview, error) {
	select {
	case h.previews <- struct{}{}:
		defer func() { <-h.previews }()
	default:
		return nil, fault.New(fault.Exhausted, fault.ReasonExhausted, "%d previews are under way, which is all that may be: try again", maxPreviews)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, previewWithin,
		fault.New(fault.Unavailable, fault.ReasonSourceStalled, "the rows were not counted within %s", previewWithin))
	defer cancel()
	survey, err := h.surveyOf(ctx, run, asOf)
	if err != nil {
		return nil, err
	}
	preview, err := h.texts(survey)
	if err != nil {
		return nil, err
	}
	attempt := source.Attempt{Run: run, Progress: func() {}}
	if preview.Counts, err = h.Source.Measure(ctx, attempt, survey); err != nil {
		return nil, fmt.Errorf("counting what a run would read: %w", err)
	}
	return preview, nil
}

// surveyOf is what the measurement of a run would count.
func (h *Handler) surveyOf(ctx context.Context, run *taskv1.RunRef, asOf time.Time) (source.Survey, error) {
	revision, owner, err := h.Revisions.AnyRevision(ctx, run.GetExportId(), run.GetRevision())
	if err != nil {
		return source.Survey{}, fmt.Errorf("reading revision %d of export %s: %w", run.GetRevision(), run.GetExportId(), err)
	}
	if owner != run.GetCustomerId() {
		return source.Survey{}, foreign(run)
	}
	if asOf.IsZero() {
		if asOf, err = h.Teller.Now(ctx); err != nil {
			return source.Survey{}, err
		}
	}
	survey, _, err := h.survey(revision, asOf)
	return survey, err
}

func (h *Handler) texts(survey source.Survey) (*Preview, error) {
	text, err := h.Teller.MeasureText(survey)
	if err != nil {
		return nil, err
	}
	preview := &Preview{AsOf: survey.AsOf, MeasureText: text}
	for _, layout := range survey.Layouts {
		table, err := h.tableTexts(layout, survey)
		if err != nil {
			return nil, err
		}
		preview.Tables = append(preview.Tables, table)
	}
	return preview, nil
}

func (h *Handler) tableTexts(layout *dictionary.Layout, survey source.Survey) (t TablePreview, err error) {
	t.Table = layout.Table.Name
	part := source.Part{Layout: layout, Scope: survey.Scope, AsOf: survey.AsOf}
	if t.ExtractText, err = h.Teller.ExtractText(part); err != nil || layout.Table.Split == "" {
		return t, err
	}
	// Any two dates: they are values, and the text holds none.
	part.Range = &source.Range{From: "2000-01-01", Until: "2000-01-02"}
	t.RangeText, err = h.Teller.ExtractText(part)
	return t, err
}
