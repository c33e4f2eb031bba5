package app

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/fault"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	sourcev1 "github.com/customer-exports/exports/proto/exports/source/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/planner/internal/plan"
)

// memSource is an extractor in front of a source that has what the test gave it.
type memSource struct {
	sourcev1.UnimplementedSourceServiceServer
	tables []*sourcev1.TablePreview
	err    error
	asked  *sourcev1.PreviewRunRequest
	now    time.Time
}

func (m *memSource) PreviewRun(_ context.Context, r *sourcev1.PreviewRunRequest) (*sourcev1.PreviewRunResponse, error) {
	m.asked = r
	at := r.GetAsOfTime()
	if at == nil {
		at = timestamppb.New(m.now)
	}
	return &sourcev1.PreviewRunResponse{AsOfTime: at, MeasureSql: "SELECT COUNT(*)", Tables: m.tables}, m.err
}

func (m *memSource) EarliestAsOf(_ context.Context, r *sourcev1.EarliestAsOfRequest) (*sourcev1.EarliestAsOfResponse, error) {
	if slices.Contains(r.GetTables(), "NOPE") {
		return nil, fault.New(fault.Invalid, fault.ReasonUnknownTable, "no table NOPE")
	}
	return &sourcev1.EarliestAsOfResponse{EarliestTime: timestamppb.New(m.now)}, m.err
}

func found(table string, counts ...*planv1.SplitCount) *sourcev1.TablePreview {
	return &sourcev1.TablePreview{
		Measurement: &planv1.TableMeasurement{Table: table, Counts: counts},
		ExtractSql:  "SELECT whole " + table, ExtractRangeSql: "SELECT range " + table,
	}
}

// TestPreviewOverTheWire previews a date that is due, under the revision in force, and changes nothing.
func TestPreviewOverTheWire(t *testing.T) {
	c, ctx := serve(t), t.Context()
	c.source.tables = []*sourcev1.TablePreview{found("DIM_DATES", &planv1.SplitCount{RowCount: 366})}
	answer, err := c.runs.PreviewPlan(ctx, &planv1.PreviewPlanRequest{ExportId: "acme-daily", ExportDate: c.date})
	if err != nil {
		t.Fatal(err)
	}
	got := answer.GetPreview()
	due := got.GetRef().GetDueTime()
	if due.AsTime().Format("2006-01-02 15:04") != c.date+" 23:59" || !cmp.Equal(due, c.source.asked.GetAsOfTime(), protocmp.Transform()) ||
		!cmp.Equal(due, got.GetCountTime(), protocmp.Transform()) || got.GetEstimated() || got.GetUnapproved() {
		t.Errorf("got %v, asked for %v; want the rows at the due time", got, c.source.asked)
	}
	want := []*planv1.TablePlan{{
		Table: "DIM_DATES", RowCount: 366, PartCount: 1, ExtractSql: "SELECT whole DIM_DATES", Parts: []*planv1.PartPlan{{RowCount: 366}},
	}}
	if diff := cmp.Diff(want, got.GetTables(), protocmp.Transform()); diff != "" || got.GetMeasureSql() != "SELECT COUNT(*)" {
		t.Errorf("tables (-want +got):\n%s", diff)
	}
	if asked := c.source.asked; asked.GetCustomerId() != "acme" || asked.GetExportId() != "acme-daily" || asked.GetRevision() != 1 {
		t.Errorf("the extractor was asked for %v", asked)
	}
}

// TestPreviewOfWhatComes previews a date that lies ahead, under a revision that awaits approval: the rows are those of now.
func TestPreviewOfWhatComes(t *testing.T) {
	c := serve(t)
	c.source.now = time.Now().UTC().Truncate(time.Millisecond)
	c.source.tables = []*sourcev1.TablePreview{
		found("FACT_REVIEWS", &planv1.SplitCount{SplitDate: "2026-01-01", RowCount: 80}, &planv1.SplitCount{SplitDate: "2026-01-02", RowCount: 80}),
		found("DIM_DATES"),
	}
	ahead := time.Now().UTC().AddDate(0, 1, 0).Format(time.DateOnly)
	answer, err := c.runs.PreviewPlan(t.Context(), &planv1.PreviewPlanRequest{ExportId: "acme-daily", ExportDate: ahead, Revision: 2})
	if err != nil {
		t.Fatal(err)
	}
	got := answer.GetPreview()
	if c.source.asked.GetAsOfTime() != nil || !got.GetEstimated() || !got.GetUnapproved() || !got.GetCountTime().AsTime().Equal(c.source.now) {
		t.Errorf("got %v, asked for %v; want the rows of now", got, c.source.asked)
	}
	if want := ahead + "T00:00:00Z"; got.GetRef().GetAsOfTime().AsTime().Format(time.RFC3339) != want || got.GetRef().GetRevision() != 2 {
		t.Errorf("run %v, want one as of %s under revision 2", got.GetRef(), want)
	}
	facts := &planv1.TablePlan{
		Table: "FACT_REVIEWS", RowCount: 160, PartCount: 2, ExtractSql: "SELECT range FACT_REVIEWS", Parts: []*planv1.PartPlan{
			{Range: &taskv1.SplitRange{Until: "2026-01-02", WithNull: true}, RowCount: 80},
			{PartIndex: 1, Range: &taskv1.SplitRange{From: "2026-01-02"}, RowCount: 80},
		},
	}
	if diff := cmp.Diff(facts, got.GetTables()[0], protocmp.Transform()); diff != "" || got.GetPartCount() != 3 || got.GetRowCount() != 160 {
		t.Errorf("%d parts, %d rows, facts (-want +got):\n%s", got.GetPartCount(), got.GetRowCount(), diff)
	}
	if _, err := c.runs.GetRun(t.Context(), &planv1.GetRunRequest{RunId: got.GetRef().GetRunId()}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("the run is there: %v", err)
	}
}

// TestPreviewFaults wants a reason that says who has to do what.
func TestPreviewFaults(t *testing.T) {
	c := serve(t)
	preview := func(export, date string, revision int64) error {
		_, err := c.runs.PreviewPlan(t.Context(), &planv1.PreviewPlanRequest{ExportId: export, ExportDate: date, Revision: revision})
		return err
	}
	for name, test := range map[string]struct {
		source error
		kind   fault.Kind
		reason fault.Reason
	}{
		"away":        {fault.New(fault.Unavailable, fault.ReasonSourceUnavailable, "x"), fault.Unavailable, fault.ReasonSourceUnavailable},
		"cut":         {fault.New(fault.DataLoss, fault.ReasonSourceTruncated, "x"), fault.Unavailable, fault.ReasonSourceTruncated},
		"refused":     {fault.New(fault.State, fault.ReasonSourceRefused, "x"), fault.State, fault.ReasonSourceRefused},
		"gone":        {fault.New(fault.State, fault.ReasonSourceAsOfGone, "x"), fault.State, fault.ReasonSourceAsOfGone},
		"busy":        {fault.New(fault.Exhausted, fault.ReasonExhausted, "x"), fault.Exhausted, fault.ReasonExhausted},
		"of our own":  {fault.New(fault.Denied, fault.ReasonDenied, "x"), fault.Internal, fault.ReasonDenied},
		"wrong table": {nil, fault.Internal, fault.ReasonInternal},
	} {
		c.source.err, c.source.tables = test.source, []*sourcev1.TablePreview{found("FACT_REVIEWS")}
		if err := preview("acme-daily", c.date, 0); fault.KindOf(err) != test.kind || fault.ReasonOf(err) != test.reason {
			t.Errorf("%s: got %v, want %s", name, err, test.reason)
		}
	}
	c.source.asked = nil
	for name, test := range map[string]struct {
		err  error
		want fault.Reason
	}{
		"no export":   {preview("other", c.date, 0), fault.ReasonNotFound},
		"no revision": {preview("acme-daily", c.date, 7), fault.ReasonNotFound},
		"no date":     {preview("acme-daily", "2026-02-30", 0), fault.ReasonValidation},
		"not owed":    {preview("acme-daily", "2020-01-01", 0), fault.ReasonBeforeStart},
	} {
		if fault.ReasonOf(test.err) != test.want {
			t.Errorf("%s: got %v, want %s", name, test.err, test.want)
		}
	}
	if c.source.asked != nil {
		t.Errorf("the source was asked: %v", c.source.asked)
	}
}

// TestEarliest asks for an instant as those will who plan a lost one anew.
func TestEarliest(t *testing.T) {
	c := serve(t)
	c.source.now = time.Date(2026, 1, 12, 0, 0, 0, 0, time.UTC)
	source := plan.SourceService{Client: c.extractor}
	if got, err := source.Earliest(t.Context(), []string{"DIM_DATES"}); err != nil || !got.Equal(c.source.now) {
		t.Errorf("got %s, %v; want %s", got, err, c.source.now)
	}
	if _, err := source.Earliest(t.Context(), []string{"NOPE"}); fault.KindOf(err) != fault.Internal || fault.ReasonOf(err) != fault.ReasonUnknownTable {
		t.Errorf("a table that the extractor does not know: %v, want Internal UNKNOWN_TABLE", err)
	}
	c.source.err = fault.New(fault.Unavailable, fault.ReasonSourceStalled, "x")
	if _, err := source.Earliest(t.Context(), []string{"DIM_DATES"}); fault.KindOf(err) != fault.Unavailable || fault.ReasonOf(err) != fault.ReasonSourceStalled {
		t.Errorf("a source that is away: %v, want Unavailable SOURCE_STALLED", err)
	}
}
