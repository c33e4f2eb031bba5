package app_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/customer-exports/exports/pkg/fault"
	commonv1 "github.com/customer-exports/exports/proto/exports/common/v1"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	"github.com/customer-exports/exports/services/delivery/internal/parttest"
)

// TestPendingDestinationIsTriedOutButNotUsed asks as an operator does before anybody approves.
func TestPendingDestinationIsTriedOutButNotUsed(t *testing.T) {
	d, p := startStore(t), &peers{commits: make(chan *planv1.ReportCommitRequest, 9), failures: make(chan *planv1.Failure, 9)}
	d.Role = roleARN
	p.answer = parttest.Answer(t, d)
	p.run, p.receipts = &planv1.Run{Ref: parttest.Run(date)}, []*deliveryv1.Receipt{{Table: "DIM_DATES"}}
	p.answer.Customer.ExternalId = externalID
	p.answer.Revision.State = configv1.RevisionState_REVISION_STATE_PENDING
	queue, conn := serveApp(t, p)
	client := deliveryv1.NewDestinationServiceClient(conn)

	answer, err := client.CheckDestination(t.Context(), &deliveryv1.CheckDestinationRequest{ExportId: parttest.Export, Revision: 1})
	if err != nil {
		t.Fatal(err)
	}
	const pass, skip = commonv1.CheckOutcome_CHECK_OUTCOME_PASSED, commonv1.CheckOutcome_CHECK_OUTCOME_SKIPPED
	type outcome struct {
		Name    string
		Outcome commonv1.CheckOutcome
	}
	want := []outcome{
		{"assume_role", pass},
		{"assume_role_needs_external_id", pass},
		{"bucket_owner", pass},
		{"bucket_owner_is_enforced", pass},
		{"write", pass},
		{"encryption", skip},
		{"list", pass},
		{"read", pass},
		{"delete", pass},
	}
	var got []outcome
	for _, check := range answer.GetChecks() {
		got = append(got, outcome{check.GetName(), check.GetOutcome()})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("checks (-want +got):\n%s", diff)
	}

	rows := parttest.Rows{Table: "DIM_DATES", Count: 1, Foreign: -1}
	if _, err := send(t, deliveryv1.NewPartServiceClient(conn), rows); fault.ReasonOf(err) != fault.ReasonNotApproved || fault.Retryable(err) {
		t.Errorf("a part of a pending revision: got %v, want NOT_APPROVED, never retried", err)
	}
	queue()
	if got := await(t, p.failures, p.commits); got.GetReason() != string(fault.ReasonNotApproved) || got.GetWillRetry() {
		t.Errorf("a commit of a pending revision: got %v, want NOT_APPROVED, never retried", got)
	}
	for _, q := range []*deliveryv1.CheckDestinationRequest{{ExportId: parttest.Export, Revision: 2}, {ExportId: "acme-other", Revision: 1}} {
		if _, err := client.CheckDestination(t.Context(), q); fault.KindOf(err) != fault.NotFound || fault.ReasonOf(err) != fault.ReasonNotFound {
			t.Errorf("%v: got %v, want NOT_FOUND", q, err)
		}
	}
	if _, err := client.CheckDestination(t.Context(), &deliveryv1.CheckDestinationRequest{ExportId: parttest.Export}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("no revision: got %v, want INVALID_ARGUMENT", err)
	}
}

func TestDropArrivesByTheCustomersRole(t *testing.T) {
	d, p := startStore(t), &peers{commits: make(chan *planv1.ReportCommitRequest, 9), failures: make(chan *planv1.Failure, 9)}
	byRole := d
	byRole.Role, byRole.ExternalID = roleARN, externalID
	p.answer = parttest.Answer(t, byRole)
	p.run = &planv1.Run{Ref: parttest.Run(date), State: planv1.RunState_RUN_STATE_COMMITTING}
	queue, client := startApp(t, p)
	sendAll(t, client, p)
	queue()
	checkDrop(t, d, await(t, p.commits, p.failures))

	p.answer.Revision.Spec.Destination.ExternalId = "ANOTHERCUSTOMERSEXTERNALID"
	if _, err := send(t, client, parttest.Rows{Table: "DIM_DATES", Count: 10, Foreign: -1}); fault.ReasonOf(err) != fault.ReasonBucketRoleDenied {
		t.Errorf("with another external id: got %v, want BUCKET_ROLE_DENIED", err)
	}
}
