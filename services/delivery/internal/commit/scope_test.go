package commit_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/scope"
	"github.com/customer-exports/exports/services/delivery/internal/approved"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
	"github.com/customer-exports/exports/services/delivery/internal/part"
	"github.com/customer-exports/exports/services/delivery/internal/parttest"
)

// TestAMessageThatNamesAWiderRevision has a queued message name a later revision of the export, which is in force and allows a
// location more, than the run was planned by. The part is good by that revision, its rows are as many as were measured, and yet
// nothing of it becomes visible: a scope is the run's, whatever a message says.
func TestAMessageThatNamesAWiderRevision(t *testing.T) {
	where := newBucket(t)
	f := uploadRun(t, where, date)
	rows := parts[len(parts)-1]
	index := int32(len(tableOf(f.planner.plan.Run, rows.Table).Parts)) - 1
	swapped := proto.CloneOf(f.run)
	swapped.Revision++
	rows.Foreign = rows.Count / 2
	stream := rows.Stream(t)
	u := &part.Uploader{Runs: parttest.Runs{}, Revisions: revisions{wider(t, where)}, Buckets: opened{f.bucket}, Tel: f.committer.Tel}
	receipt, err := u.Upload(t.Context(), stream.Header(swapped, rows.Table, index), stream)
	if err != nil {
		t.Fatalf("the part is not what the other revision allows: %v", err)
	}
	for i, r := range f.planner.plan.Receipts {
		if r.GetTable() == rows.Table && r.GetPartIndex() == index {
			f.planner.plan.Receipts[i] = receipt
		}
	}
	if err := f.commit(t); fault.ReasonOf(err) != fault.ReasonScopeViolation || fault.Retryable(err) {
		t.Errorf("got %v, want SCOPE_VIOLATION, never retried", err)
	}
	if got := f.visible(t); got != 0 || f.planner.reports != 0 {
		t.Errorf("files visible %d, commits reported %d, want none", got, f.planner.reports)
	}
}

// wider is a later revision with the location of the foreign row.
func wider(t *testing.T, d bucket.Destination) *approved.Revision {
	t.Helper()
	answer := parttest.Answer(t, d)
	answer.Revision.Revision++
	allowed := answer.GetRevision().GetSpec().GetScope()
	allowed.LocationIds = append(allowed.LocationIds, "loc-9")
	set, err := scope.FromProto(allowed)
	if err != nil {
		t.Fatal(err)
	}
	answer.Revision.ScopeDigest = set.Digest()
	revision, err := approved.New(answer, dictionary.Standard())
	if err != nil {
		t.Fatal(err)
	}
	return revision
}
