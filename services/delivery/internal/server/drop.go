package server

import (
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
	from, date, err := datesOf(q)
	if err != nil {
		return nil, err
	}
	dates := int(q.GetPageSize())
	if dates == 0 {
		dates = standardDates
	}
	out := &deliveryv1.ListDropsResponse{}
	for ; dates > 0 && !date.Before(from); dates-- {
		found, err := s.Reader.List(ctx, q.GetExportId(), q.GetRevision(), date)
		if err != nil {
			return nil, err
		}
		for _, d := range found {
			out.Drops = append(out.Drops, spellDrop(d))
		}
		date = date.Prev()
	}
	if !date.Before(from) {
		out.NextPageToken = date.String()
	}
	return out, nil
}

// datesOf are the oldest date of the range, and the newest that is left of it.
func datesOf(q *deliveryv1.ListDropsRequest) (from, newest calendar.Date, err error) {
	if from, err = calendar.ParseDate(q.GetFromDate()); err != nil {
		return from, newest, err
	}
	to, err := calendar.ParseDate(q.GetToDate())
	if err != nil {
		return from, newest, err
	}
	if to.Before(from) {
		return from, newest, fault.New(fault.Invalid, fault.ReasonValidation, "to_date %s lies before from_date %s", to, from)
	}
	if q.GetPageToken() == "" {
		return from, to, nil
	}
	newest, err = calendar.ParseDate(q.GetPageToken())
	if err == nil && (newest.Before(from) || to.Before(newest)) {
		err = fault.New(fault.Invalid, fault.ReasonValidation, "page_token %s is not of this range", newest)
	}
	return from, newest, err
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
	sum := &deliveryv1.VerifySummary{}
	name := drops.Name{ExportID: q.GetExportId(), RunID: q.GetRunId(), Revision: q.GetRevision()}
	err := s.Reader.Verify(stream.Context(), name, func(v drops.Verdict) error {
		out := &deliveryv1.ObjectVerdict{Key: v.Key, Table: v.Table, FileBytes: v.Bytes, RowCount: v.Rows}
		if sum.ObjectCount++; v.Fault != nil {
			sum.DamagedCount++
			out.Reason, out.Message = string(fault.ReasonOf(v.Fault)), v.Fault.Error()
		}
		return stream.Send(&deliveryv1.VerifyDropResponse{Step: &deliveryv1.VerifyDropResponse_Object{Object: out}})
	})
	if err != nil {
		return err
	}
	return stream.Send(&deliveryv1.VerifyDropResponse{Step: &deliveryv1.VerifyDropResponse_Summary{Summary: sum}})
}

var states = map[drops.State]deliveryv1.DropState{
	drops.Started: deliveryv1.DropState_DROP_STATE_STARTED, drops.Committing: deliveryv1.DropState_DROP_STATE_COMMITTING,
	drops.Committed: deliveryv1.DropState_DROP_STATE_COMMITTED,
}

func spellDrop(d drops.Drop) *deliveryv1.Drop {
	out := &deliveryv1.Drop{RunId: d.RunID, ExportDate: d.ExportDate, State: states[d.State]}
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
