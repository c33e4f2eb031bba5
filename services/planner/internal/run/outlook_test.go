package run

import (
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/fault"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
)

// dropOf is a run with a drop of the date, which is kept until over.
func dropOf(t *testing.T, id string, state planv1.RunState) *planv1.Run {
	t.Helper()
	r := inState(t, state)
	r.Ref.RunId, r.CommitTime, r.ExpireTime = id, timestamppb.New(over.AddDate(0, -1, 0)), timestamppb.New(over)
	return r
}

// TestOutlook has a drop of every fate, and runs that have none.
func TestOutlook(t *testing.T) {
	withheld := dropOf(t, "acme-daily-20260105-1", Expiring)
	Fail(withheld, &planv1.Failure{TaskId: expireID(withheld), Attempt: 1, Reason: string(fault.ReasonBucketDenied), FailTime: timestamppb.New(over)})
	later := dropOf(t, "acme-daily-20260109-1", Committed)
	later.ExpireTime = timestamppb.New(over.AddDate(0, 0, 1))
	replaced := dropOf(t, "acme-daily-20260107-1", Committed)
	replaced.ExpireTime = timestamppb.New(over.AddDate(0, 0, 1))
	runs := []*planv1.Run{
		withheld, later, dropOf(t, "acme-daily-20260106-1", Expiring), replaced,
		dropOf(t, "acme-daily-20260107-2", Committed), dropOf(t, "acme-daily-20260110-1", Committed),
		dropOf(t, "acme-daily-20260111-1", Failed), dropOf(t, "acme-daily-20260104-1", Expired),
	}
	want := map[string]planv1.DropFate{
		"acme-daily-20260110-1": planv1.DropFate_DROP_FATE_NEWEST,
		"acme-daily-20260109-1": planv1.DropFate_DROP_FATE_RETAINED,
		"acme-daily-20260107-2": planv1.DropFate_DROP_FATE_EXPIRES,
		"acme-daily-20260107-1": planv1.DropFate_DROP_FATE_SUPERSEDED,
		"acme-daily-20260106-1": planv1.DropFate_DROP_FATE_EXPIRING,
		"acme-daily-20260105-1": planv1.DropFate_DROP_FATE_WITHHELD,
	}
	var order []string
	for _, o := range Outlook(runs, false, over) {
		order = append(order, o.GetRunId())
		if o.GetFate() != want[o.GetRunId()] {
			t.Errorf("run %s: got %s, want %s", o.GetRunId(), o.GetFate(), want[o.GetRunId()])
		}
		if files := int64(len(Parts(runs[0]))); o.GetFileCount() != files || o.GetFileBytes() == 0 || o.GetExpireTime() == nil {
			t.Errorf("run %s: %d files of %d bytes until %v, want %d", o.GetRunId(), o.GetFileCount(), o.GetFileBytes(), o.GetExpireTime(), files)
		}
		if by := o.GetSupersededByRunId(); (by == "acme-daily-20260107-2") != (o.GetRunId() == "acme-daily-20260107-1") {
			t.Errorf("run %s is superseded by %q", o.GetRunId(), by)
		}
	}
	if !slices.IsSortedFunc(order, NewestFirst) || len(order) != len(want) {
		t.Errorf("drops of %q, want the %d newest first", order, len(want))
	}
}

// TestOutlookIsWhatIsDone foretells a day, and does it.
func TestOutlookIsWhatIsDone(t *testing.T) {
	for _, archived := range []bool{false, true} {
		for days := range 4 {
			at := over.AddDate(0, 0, days-1)
			var runs []*planv1.Run
			for i, id := range []string{"acme-daily-20260107-1", "acme-daily-20260107-2", "acme-daily-20260108-1", "acme-daily-20260109-1"} {
				r := dropOf(t, id, Committed)
				r.ExpireTime = timestamppb.New(over.AddDate(0, 0, i-1))
				runs = append(runs, r)
			}
			foretold, kept := map[string]bool{}, []Kept{}
			for _, o := range Outlook(runs, archived, at) {
				foretold[o.GetRunId()] = Goes(o)
			}
			for _, r := range runs {
				k, _ := KeptBy(r)
				kept = append(kept, k)
			}
			for _, due := range Overdue(kept, func(string) bool { return archived }, at) {
				i := slices.IndexFunc(runs, func(r *planv1.Run) bool { return r.GetRef().GetRunId() == due.RunID })
				Expire(runs[i], due.By, at)
			}
			for _, r := range runs {
				if id := r.GetRef().GetRunId(); foretold[id] != (r.GetState() == Expiring) {
					t.Errorf("archived %t, at %s: run %s is %s, foretold to go: %t", archived, at.Format(time.DateOnly), id, Word(r.GetState()), foretold[id])
				}
			}
		}
	}
}
