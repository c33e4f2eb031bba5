package plan

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/fault"
	sourcev1 "github.com/customer-exports/exports/proto/exports/source/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
)

const (
	// askTime bounds a question about the source; the extractor itself waits 30 s for the source.
	askTime = 40 * time.Second
	// previewTime bounds a preview; the extractor itself waits 2 minutes for the source.
	previewTime = 150 * time.Second
)

// SourceService asks the extractor about the source. Client returns faults, as pkg/rpc's connections make them.
type SourceService struct{ Client sourcev1.SourceServiceClient }

// Earliest gives the first instant at which all of these tables can be read.
func (s SourceService) Earliest(ctx context.Context, tables []string) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	answer, err := s.Client.EarliestAsOf(ctx, &sourcev1.EarliestAsOfRequest{Tables: tables})
	if err != nil {
		return time.Time{}, classifySource(err, "asking how far back the source reaches")
	}
	return answer.GetEarliestTime().AsTime(), nil
}

// Preview counts what a run would read at an instant, and tells its statements. The zero time means the source's now.
func (s SourceService) Preview(ctx context.Context, run *taskv1.RunRef, asOf time.Time) (*sourcev1.PreviewRunResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, previewTime)
	defer cancel()
	request := &sourcev1.PreviewRunRequest{CustomerId: run.GetCustomerId(), ExportId: run.GetExportId(), Revision: run.GetRevision()}
	if !asOf.IsZero() {
		request.AsOfTime = timestamppb.New(asOf)
	}
	answer, err := s.Client.PreviewRun(ctx, request)
	if err != nil {
		return nil, classifySource(err, "counting what the run would read")
	}
	return answer, nil
}

// classifySource makes a fault of the extractor one of ours, which may cross the wire: it keeps its reason, and whether
// another try or another request can help.
func classifySource(err error, doing string) error {
	switch kind, reason := fault.KindOf(err), fault.ReasonOf(err); {
	case reason == fault.ReasonSourceAsOfGone:
		return fault.Wrap(err, fault.State, reason, "%s: the source does not hold that instant", doing)
	case kind == fault.State:
		return fault.Wrap(err, fault.State, reason, "%s: the source refuses it", doing)
	case kind == fault.Exhausted:
		return fault.Wrap(err, fault.Exhausted, reason, "%s: others ask too, try again", doing)
	case fault.Retryable(err):
		return fault.Wrap(err, fault.Unavailable, reason, "%s: the source does not answer", doing)
	default:
		// Planner and extractor disagree on what there is, such as by different dictionaries.
		return fault.Wrap(err, fault.Internal, reason, "%s: the extractor does not know what is asked for", doing)
	}
}
