package run

import (
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
)

// farAhead bounds what is worth telling of the future.
const farAhead = 365 * 24 * time.Hour

// Progress says how far a run is, and how fast since it was told before, which may be nil.
func Progress(r *planv1.Run, before *planv1.RunProgress, now time.Time) *planv1.RunProgress {
	p := &planv1.RunProgress{
		RunId: r.GetRef().GetRunId(), State: r.GetState(), TableCount: int32(len(r.GetTables())), //nolint:gosec // a dictionary has hundreds
		ProgressTime: timestamppb.New(now),
	}
	for _, t := range r.GetTables() {
		p.MeasuredRowCount += t.GetMeasuredRowCount()
		done := count(p, t.GetParts())
		if done && len(t.GetParts()) > 0 {
			p.DoneTableCount++
		}
	}
	if elapsed := now.Sub(before.GetProgressTime().AsTime()).Seconds(); before != nil && elapsed > 0 {
		p.RowsPerSecond = float64(p.GetRowCount()-before.GetRowCount()) / elapsed
	}
	p.EtaTime = eta(p, r.GetCreateTime().AsTime(), now)
	return p
}

// count adds the parts of one table, and says whether all have their receipt.
func count(p *planv1.RunProgress, parts []*planv1.PartProgress) bool {
	done := true
	for _, part := range parts {
		p.PartCount++
		if !part.GetReceived() {
			done = false
			continue
		}
		p.DonePartCount++
		p.RowCount, p.FileBytes = p.GetRowCount()+part.GetRowCount(), p.GetFileBytes()+part.GetFileBytes()
	}
	return done
}

// eta goes by the pace since the run was planned: parts are few and large, so that the last one alone says little.
func eta(p *planv1.RunProgress, planned, now time.Time) *timestamppb.Timestamp {
	left, elapsed := p.GetMeasuredRowCount()-p.GetRowCount(), now.Sub(planned)
	if p.GetState() != Extracting || left <= 0 || p.GetRowCount() <= 0 || elapsed <= 0 {
		return nil
	}
	wait := elapsed.Seconds() * float64(left) / float64(p.GetRowCount())
	if wait > farAhead.Seconds() {
		return nil
	}
	return timestamppb.New(now.Add(time.Duration(wait * float64(time.Second))))
}

// Moved says whether a run is farther than it was: not because time passed.
func Moved(before, p *planv1.RunProgress) bool {
	before, p = proto.CloneOf(before), proto.CloneOf(p)
	for _, each := range []*planv1.RunProgress{before, p} {
		each.RowsPerSecond, each.EtaTime, each.ProgressTime = 0, nil, nil
	}
	return !proto.Equal(before, p)
}
