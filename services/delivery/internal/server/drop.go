package server

import (
	"cmp"
	"context"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/calendar"
	"github.com/customer-exports/exports/pkg/fault"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	"github.com/customer-exports/exports/services/delivery/internal/drops"
)

// standardDates is how many dates a page looks at when the caller does not say.
const standardDates = 31

// Drops implements DropService.
type Drops struct {
	deliveryv1.UnimplementedDropServiceServer
	Reader *drops.Reader
}

// ListDrops looks at a page of dates, the newest first.
func (s *Drops) ListDrops(ctx context.Context, q *deliveryv1.ListDropsRequest) (*deliveryv1.ListDropsResponse, error) {
	dates, err := datesOf(q)
	if err != nil {
		return nil, err
	}
	whose := drops.Query{ExportID: q.GetExportId(), Revision: q.GetRevision(), CustomerID: q.GetCustomerId()}
	found, next, err := s.Reader.List(ctx, whose, dates, cmp.Or(int(q.GetPageSize()), standardDates))
	if err != nil {
		return nil, err
	}
	out := &deliveryv1.ListDropsResponse{NextPageToken: next.String()}
	for _, d := range found {
		out.Drops = append(out.Drops, spellDrop(d))
	}
	return out, nil
}

// datesOf is what is left of the range.
func datesOf(q *deliveryv1.ListDropsRequest) (dates drops.Range, err error) {
	if dates.From, err = calendar.ParseDate(q.GetFromDate()); err != nil {
		return dates, err
	}
	if dates.To, err = calendar.ParseDate(q.GetToDate()); err != nil || q.GetPageToken() == "" {
		return dates, err
	}
	token, err := calendar.ParseDate(q.GetPageToken())
	if err == nil && (token.Before(dates.From) || dates.To.Before(token)) {
		err = fault.New(fault.Invalid, fault.ReasonValidation, "page_token %s is not of this range", token)
	}
	dates.To = token
	return dates, err
}

// GetDrop reads one drop.
func (s *Drops) GetDrop(ctx context.Context, q *deliveryv1.GetDropRequest) (*deliveryv1.GetDropResponse, error) {
	d, err := s.Reader.Get(ctx, drops.Name{ExportID: q.GetExportId(), RunID: q.GetRunId(), Revision: q.GetRevision()})
	if err != nil {
		return nil, err
	}
	return &deliveryv1.GetDropResponse{Drop: spellDrop(d), ManifestJson: string(d.Text)}, nil
}

// VerifyDrop reads one drop back.
func (s *Drops) VerifyDrop(q *deliveryv1.VerifyDropRequest, stream grpc.ServerStreamingServer[deliveryv1.VerifyDropResponse]) error {
	to := &verification{stream: stream, sum: &deliveryv1.VerifySummary{}}
	name := drops.Name{ExportID: q.GetExportId(), RunID: q.GetRunId(), Revision: q.GetRevision()}
	if err := s.Reader.Verify(stream.Context(), name, to); err != nil {
		return err
	}
	return stream.Send(&deliveryv1.VerifyDropResponse{Step: &deliveryv1.VerifyDropResponse_Summary{Summary: to.sum}})
}

// verification passes on what is told, as a drops.Listener.
type verification struct {
	stream grpc.ServerStreamingServer[deliveryv1.VerifyDropResponse]
	sum    *deliveryv1.VerifySummary
}

// Judged sends a verdict.
func (to *verification) Judged(v drops.Verdict) error {
	out := &deliveryv1.ObjectVerdict{Key: v.Key, Table: v.Table, FileBytes: v.Bytes, RowCount: v.Rows}
	if to.sum.ObjectCount++; v.Fault != nil {
		to.sum.DamagedCount++
		out.Reason, out.Message = string(fault.ReasonOf(v.Fault)), v.Fault.Error()
	}
	return to.stream.Send(&deliveryv1.VerifyDropResponse{Step: &deliveryv1.VerifyDropResponse_Object{Object: out}})
}

// Progressed sends how far it is.
func (to *verification) Progressed(read, of int64) error {
	out := &deliveryv1.VerifyProgress{ReadBytes: read, FileBytes: of}
	return to.stream.Send(&deliveryv1.VerifyDropResponse{Step: &deliveryv1.VerifyDropResponse_Progress{Progress: out}})
}

var states = map[drops.State]deliveryv1.DropState{
	drops.Started: deliveryv1.DropState_DROP_STATE_STARTED, drops.Committing: deliveryv1.DropState_DROP_STATE_COMMITTING,
	drops.Committed: deliveryv1.DropState_DROP_STATE_COMMITTED, drops.Damaged: deliveryv1.DropState_DROP_STATE_DAMAGED,
}

func spellDrop(d drops.Drop) *deliveryv1.Drop {
	out := &deliveryv1.Drop{ExportId: d.ExportID, RunId: d.RunID, ExportDate: d.ExportDate, State: states[d.State]}
	if d.Manifest == nil {
		return out
	}
	out.CommitTime, out.ExpireTime = timestamppb.New(d.Manifest.CommitTime), timestamppb.New(d.Manifest.ExpireTime)
	for _, t := range d.Manifest.Tables {
		out.TableCount++
		out.RowCount += t.RowCount
		for _, f := range t.Files {
			out.FileCount++
			out.FileBytes += f.Bytes
		}
	}
	return out
}
