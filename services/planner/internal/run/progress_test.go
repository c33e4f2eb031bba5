package run

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
)

func TestProgress(t *testing.T) {
	r := extracting(t) // 7 rows of DIM_DATES, then 1+10 and 5 of FACT_REVIEWS
	r.CreateTime = timestamppb.New(noon)
	tell := func(before *planv1.RunProgress, after time.Duration) *planv1.RunProgress {
		return Progress(r, before, noon.Add(after))
	}
	want := &planv1.RunProgress{
		RunId: "acme-daily-20260110-1", State: Extracting, TableCount: 2, PartCount: int32(len(Parts(r))), MeasuredRowCount: 23,
		ProgressTime: timestamppb.New(noon.Add(time.Second)),
	}
	first := tell(nil, time.Second)
	if diff := cmp.Diff(want, first, protocmp.Transform()); diff != "" {
		t.Errorf("at first (-want +got):\n%s", diff)
	}
	dates := receipts(r)[0]
	if _, err := Receive(r, dates); err != nil {
		t.Fatal(err)
	}
	want.DoneTableCount, want.DonePartCount, want.RowCount, want.FileBytes = 1, 1, 7, 9
	want.RowsPerSecond = 7. / 6                                      // since the message before
	want.EtaTime = timestamppb.New(noon.Add((7 + 16) * time.Second)) // 7 rows in 7 s since the run was planned, 16 left
	want.ProgressTime = timestamppb.New(noon.Add(7 * time.Second))
	second := tell(first, 7*time.Second)
	if diff := cmp.Diff(want, second, protocmp.Transform()); diff != "" {
		t.Errorf("after a part (-want +got):\n%s", diff)
	}
	if third := tell(second, 9*time.Second); Moved(second, third) || third.GetRowsPerSecond() != 0 || !Moved(first, second) {
		t.Errorf("without a change: %v moved", third)
	}
}

func TestProgressBeforeTheMeasurement(t *testing.T) {
	p := Progress(sample("DIM_DATES", "FACT_REVIEWS"), nil, noon)
	if p.GetTableCount() != 2 || p.GetDoneTableCount() != 0 || p.GetPartCount() != 0 || p.GetState() != Measuring {
		t.Errorf("got %v, want two tables and none done", p)
	}
}

// TestNoETA has nothing to go by, nothing to wait for, or too long to say.
func TestNoETA(t *testing.T) {
	standing := inState(t, Extracting)
	standing.CreateTime = timestamppb.New(noon.AddDate(-200, 0, 0))
	standing.Tables[0].MeasuredRowCount = 1 << 45
	for name, r := range map[string]*planv1.Run{
		"measuring": sample("DIM_DATES"), "no receipt": extracting(t), "committing": committing(t),
		"cancelled": inState(t, Cancelled), "in centuries": standing,
	} {
		r := proto.CloneOf(r)
		if r.GetCreateTime() == nil {
			r.CreateTime = timestamppb.New(noon)
		}
		if p := Progress(r, nil, noon.Add(time.Minute)); p.GetEtaTime() != nil {
			t.Errorf("%s: expected at %s", name, p.GetEtaTime().AsTime())
		}
	}
}
