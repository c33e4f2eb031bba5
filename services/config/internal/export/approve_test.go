package export_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/customer-exports/exports/pkg/fault"
	commonv1 "github.com/customer-exports/exports/proto/exports/common/v1"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

func TestFirstRevisionNeedsASecondPerson(t *testing.T) {
	r := start(t)
	created, err := r.CreateExport(t.Context(), draft("acme-daily", "acme"))
	if err != nil {
		t.Fatal(err)
	}
	first := created.GetPendingRevision()
	wantCauses := []configv1.ApprovalCause{configv1.ApprovalCause_APPROVAL_CAUSE_FIRST_REVISION}
	if created.GetRevision() != nil || created.GetState() != configv1.ExportState_EXPORT_STATE_PENDING ||
		len(created.GetTerms()) > 0 || !slices.Equal(first.GetApprovalCauses(), wantCauses) {
		t.Errorf("created = %v, want nothing in force", created)
	}
	if _, _, err := r.Revision(t.Context(), "acme-daily", 1, false); fault.ReasonOf(err) != fault.ReasonNotApproved {
		t.Errorf("a service that asks for revision 1 gets %v, want NOT_APPROVED", err)
	}
	if seen, _, err := r.Revision(t.Context(), "acme-daily", 1, true); err != nil || seen.GetState() != configv1.RevisionState_REVISION_STATE_PENDING {
		t.Errorf("an operator who asks for revision 1 gets %v, %v", seen, err)
	}
	_, err = r.Approve(t.Context(), "acme-daily", 1, by("op@example.com"))
	if fault.ReasonOf(err) != fault.ReasonSelfApproval || fault.KindOf(err) != fault.Denied {
		t.Errorf("approval by the author = %v, want SELF_APPROVAL", err)
	}
	r.clock.move(time.Hour)
	approved, err := r.Approve(t.Context(), "acme-daily", 1, by("second@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	want := proto.CloneOf(first)
	want.State, want.Approver, want.ApprovalReason = configv1.RevisionState_REVISION_STATE_IN_FORCE, "second@example.com", by("").Reason
	want.ApprovalTime = approved.GetUpdateTime()
	want.EffectiveTime = approved.GetUpdateTime()
	if diff := cmp.Diff(want, approved.GetRevision(), protocmp.Transform()); diff != "" || approved.GetPendingRevision() != nil {
		t.Errorf("pending %v, revision in force (-want +got):\n%s", approved.GetPendingRevision(), diff)
	}
	terms := []*configv1.Term{{
		Revision: 1, EffectiveTime: approved.GetUpdateTime(), Owed: true,
		Schedule: first.GetSpec().GetSchedule(), Deadline: first.GetSpec().GetDeadline(), RetentionDays: 30,
	}}
	if diff := cmp.Diff(terms, approved.GetTerms(), protocmp.Transform()); diff != "" {
		t.Errorf("terms (-want +got):\n%s", diff)
	}
}

// TestWhatTwoPeopleMustAgreeOn changes one thing at a time of an export in force.
func TestWhatTwoPeopleMustAgreeOn(t *testing.T) {
	const (
		destination = configv1.ApprovalCause_APPROVAL_CAUSE_DESTINATION
		wider       = configv1.ApprovalCause_APPROVAL_CAUSE_WIDER_SCOPE
		role        = configv1.ApprovalCause_APPROVAL_CAUSE_ROLE
		key         = configv1.ApprovalCause_APPROVAL_CAUSE_KEY
		pause       = configv1.ApprovalCause_APPROVAL_CAUSE_PAUSE
	)
	for name, test := range map[string]struct {
		change func(*configv1.ExportSpec)
		want   []configv1.ApprovalCause
	}{
		"retention":       {func(s *configv1.ExportSpec) { s.RetentionDays = 7 }, nil},
		"schedule":        {func(s *configv1.ExportSpec) { s.Schedule.TimeOfDay = "03:00" }, nil},
		"fewer tables":    {func(s *configv1.ExportSpec) { s.Tables = s.Tables[:1] }, nil},
		"fewer locations": {func(s *configv1.ExportSpec) { s.Scope.LocationIds = s.Scope.LocationIds[:1] }, nil},
		"order":           {func(s *configv1.ExportSpec) { slices.Reverse(s.Scope.LocationIds) }, nil},
		"more locations":  {func(s *configv1.ExportSpec) { s.Scope.LocationIds = append(s.Scope.LocationIds, "acme-3") }, []configv1.ApprovalCause{wider}},
		"other locations": {func(s *configv1.ExportSpec) { s.Scope.LocationIds[0] = "acme-3" }, []configv1.ApprovalCause{wider}},
		"more brands":     {func(s *configv1.ExportSpec) { s.Scope.Brands = append(s.Scope.Brands, "Wendy's") }, []configv1.ApprovalCause{wider}},
		"bucket":          {func(s *configv1.ExportSpec) { s.Destination.Bucket = "acme-data-2" }, []configv1.ApprovalCause{destination}},
		"region":          {func(s *configv1.ExportSpec) { s.Destination.Region = "eu-west-1" }, []configv1.ApprovalCause{destination}},
		"endpoint":        {func(s *configv1.ExportSpec) { s.Destination.Endpoint = "https://s3.example.com" }, []configv1.ApprovalCause{destination}},
		"owner":           {func(s *configv1.ExportSpec) { s.Destination.ExpectedBucketOwner = "210987654321" }, []configv1.ApprovalCause{destination}},
		"ACL": {func(s *configv1.ExportSpec) {
			s.Destination.ObjectAcl = configv1.ObjectAcl_OBJECT_ACL_BUCKET_OWNER_FULL_CONTROL
		}, []configv1.ApprovalCause{destination}},
		"role":  {func(s *configv1.ExportSpec) { s.Destination.RoleArn = "arn:aws:iam::123456789012:role/x" }, []configv1.ApprovalCause{role}},
		"key":   {func(s *configv1.ExportSpec) { s.Destination.KmsKeyArn = "arn:aws:kms:eu-central-1:123456789012:key/1" }, []configv1.ApprovalCause{key}},
		"pause": {func(s *configv1.ExportSpec) { s.Paused = true }, []configv1.ApprovalCause{pause}},
		"two at once": {func(s *configv1.ExportSpec) {
			s.RetentionDays, s.Destination.Bucket, s.Paused = 7, "acme-data-2", true
		}, []configv1.ApprovalCause{destination, pause}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			r.active(t)
			e, err := r.update(t, test.change)
			if err != nil {
				t.Fatal(err)
			}
			newest := e.GetPendingRevision()
			if len(test.want) == 0 {
				newest = e.GetRevision()
			}
			if newest.GetRevision() != 2 || !slices.Equal(newest.GetApprovalCauses(), test.want) {
				t.Fatalf("in force %d, pending %d, causes %v; want %v", e.GetRevision().GetRevision(), e.GetPendingRevision().GetRevision(), newest.GetApprovalCauses(), test.want)
			}
			if len(newest.GetChanges()) == 0 && name != "order" || newest.GetBaseRevision() != 1 {
				t.Errorf("changes %v since revision %d", newest.GetChanges(), newest.GetBaseRevision())
			}
			if len(test.want) > 0 && e.GetRevision().GetRevision() != 1 {
				t.Error("it took effect without a second person")
			}
		})
	}
}

func TestOnlyThePendingRevisionIsJudged(t *testing.T) {
	r := start(t)
	r.active(t)
	widen := func(s *configv1.ExportSpec) { s.Scope.LocationIds = append(s.Scope.LocationIds, "acme-3") }
	if _, err := r.update(t, widen); err != nil {
		t.Fatal(err)
	}
	e, err := r.update(t, func(s *configv1.ExportSpec) { s.RetentionDays = 7 })
	if err != nil {
		t.Fatal(err)
	}
	third := e.GetPendingRevision()
	if third.GetRevision() != 3 || len(third.GetSpec().GetScope().GetLocationIds()) != 3 || third.GetSpec().GetRetentionDays() != 7 {
		t.Fatalf("pending = %v, want revision 3 with both changes", third)
	}
	second := by("second@example.com")
	for number, want := range map[int64]fault.Reason{1: fault.ReasonNotPending, 2: fault.ReasonNotPending, 4: fault.ReasonNotFound} {
		_, approve := r.Approve(t.Context(), "acme-daily", number, second)
		_, reject := r.Reject(t.Context(), "acme-daily", number, second)
		if fault.ReasonOf(approve) != want || fault.ReasonOf(reject) != want {
			t.Errorf("revision %d: Approve = %v, Reject = %v; want %s", number, approve, reject, want)
		}
	}
	if _, err := r.Approve(t.Context(), "acme-daily", 3, second); err != nil {
		t.Fatal(err)
	}
	revisions, _, err := r.ListRevisions(t.Context(), "acme-daily", pageOf(0))
	if err != nil {
		t.Fatal(err)
	}
	var states []string
	for _, revision := range revisions {
		states = append(states, strings.TrimPrefix(revision.GetState().String(), "REVISION_STATE_"))
	}
	if diff := cmp.Diff([]string{"IN_FORCE", "SUPERSEDED", "REPLACED"}, states); diff != "" {
		t.Errorf("states, newest first (-want +got):\n%s", diff)
	}
}

// TestNobodyApprovesTheirOwnChangeInAnothersRevision has one person widen the scope, and a second one amend that.
func TestNobodyApprovesTheirOwnChangeInAnothersRevision(t *testing.T) {
	r := start(t)
	r.active(t)
	e, err := r.update(t, func(s *configv1.ExportSpec) { s.Scope.LocationIds = append(s.Scope.LocationIds, "acme-3") })
	if err != nil {
		t.Fatal(err)
	}
	amend := draft("acme-daily", "acme")
	amend.Author, amend.Spec = "second@example.com", e.GetPendingRevision().GetSpec()
	amend.Spec.RetentionDays = 7
	if _, err := r.UpdateExport(t.Context(), amend, e.GetEtag()); err != nil {
		t.Fatal(err)
	}
	for _, author := range []string{"op@example.com", "second@example.com"} {
		if _, err := r.Approve(t.Context(), "acme-daily", 3, by(author)); fault.ReasonOf(err) != fault.ReasonSelfApproval {
			t.Errorf("approval by %s = %v, want SELF_APPROVAL", author, err)
		}
	}
	if _, err := r.Approve(t.Context(), "acme-daily", 3, by("third@example.com")); err != nil {
		t.Errorf("approval by a third person = %v", err)
	}
}

func TestRejectedRevisionLeavesTheExportAsItWas(t *testing.T) {
	r := start(t)
	before := r.active(t)
	if _, err := r.update(t, func(s *configv1.ExportSpec) { s.Destination.Bucket = "acme-data-2" }); err != nil {
		t.Fatal(err)
	}
	after, err := r.Reject(t.Context(), "acme-daily", 2, by("op@example.com")) // its author withdraws it
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before.GetRevision(), after.GetRevision(), protocmp.Transform()); diff != "" || after.GetPendingRevision() != nil {
		t.Errorf("pending %v, in force (-before +after):\n%s", after.GetPendingRevision(), diff)
	}
	if _, err := r.Approve(t.Context(), "acme-daily", 2, by("second@example.com")); fault.ReasonOf(err) != fault.ReasonNotPending {
		t.Errorf("approving what was rejected = %v, want NOT_PENDING", err)
	}
}

// TestRejectedFirstRevisionCanBeMended asks for the same again, which then is a change.
func TestRejectedFirstRevisionCanBeMended(t *testing.T) {
	r := start(t)
	created, err := r.CreateExport(t.Context(), draft("acme-daily", "acme"))
	if err != nil {
		t.Fatal(err)
	}
	rejected, err := r.Reject(t.Context(), "acme-daily", 1, by("second@example.com"))
	if err != nil || rejected.GetState() != configv1.ExportState_EXPORT_STATE_PENDING {
		t.Fatalf("rejected = %v, %v", rejected, err)
	}
	d := draft("acme-daily", "acme")
	d.Spec = created.GetPendingRevision().GetSpec()
	again, err := r.UpdateExport(t.Context(), d, rejected.GetEtag())
	if err != nil || again.GetPendingRevision().GetRevision() != 2 {
		t.Errorf("asking again = %v, %v, want revision 2 to await approval", again, err)
	}
}

func TestApprovalNeedsAReadyBucket(t *testing.T) {
	r := start(t)
	r.bucket.outcome = commonv1.CheckOutcome_CHECK_OUTCOME_FAILED
	if _, err := r.CreateExport(t.Context(), draft("acme-daily", "acme")); err != nil {
		t.Fatal(err)
	}
	approve := func() error {
		_, err := r.Approve(t.Context(), "acme-daily", 1, by("second@example.com"))
		return err
	}
	err := approve()
	refused, _ := fault.Of(err)
	if fault.ReasonOf(err) != fault.ReasonPreflightFailed || fault.KindOf(err) != fault.State || len(refused.Violations) != 1 ||
		refused.Violations[0].Field != "write" || !strings.Contains(refused.Violations[0].Description, "grant s3:PutObject") {
		t.Fatalf("Approve = %v, want PREFLIGHT_FAILED with check and fix", err)
	}
	r.bucket.outcome = commonv1.CheckOutcome_CHECK_OUTCOME_PASSED
	if err := approve(); fault.ReasonOf(err) != fault.ReasonPreflightFailed || len(r.bucket.asked) != 1 {
		t.Errorf("Approve after %d preflights = %v: a failed one counts until it is repeated", len(r.bucket.asked), err)
	}
	p, err := r.Preflight(t.Context(), "acme-daily", 0, by("op@example.com"))
	if err != nil || !p.GetPassed() || p.GetRevision() != 1 {
		t.Fatalf("Preflight = %v, %v", p, err)
	}
	r.clock.move(25 * time.Hour) // too long ago to count
	r.bucket.outcome = commonv1.CheckOutcome_CHECK_OUTCOME_UNSPECIFIED
	if err := approve(); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("Approve without delivery = %v, want Unavailable", err)
	}
	r.bucket.outcome = commonv1.CheckOutcome_CHECK_OUTCOME_PASSED
	if err := approve(); err != nil {
		t.Error(err)
	}
	if _, err := r.Preflight(t.Context(), "acme-daily", 9, by("op@example.com")); fault.KindOf(err) != fault.NotFound {
		t.Errorf("Preflight of revision 9 = %v, want NotFound", err)
	}
}

// TestApprovalJudgesAgain lets another customer take the location while the revision waits.
func TestApprovalJudgesAgain(t *testing.T) {
	r := start(t)
	d := draft("acme-daily", "acme")
	d.Spec.Scope.LocationIds = []string{"bella-3"}
	if _, err := r.CreateExport(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	shared := draft("bella-daily", "bella")
	shared.Spec.Scope.LocationIds, shared.Spec.SharedLocationIds = []string{"bella-3"}, []string{"bella-3"}
	if _, err := r.CreateExport(t.Context(), shared); err != nil {
		t.Fatal(err)
	}
	_, err := r.Approve(t.Context(), "acme-daily", 1, by("second@example.com"))
	if fault.KindOf(err) != fault.State || fault.ReasonOf(err) != fault.ReasonLocationTaken {
		t.Errorf("Approve = %v, want State LOCATION_TAKEN", err)
	}
	e, err := r.update(t, func(s *configv1.ExportSpec) { s.SharedLocationIds = []string{"bella-3"} })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Approve(t.Context(), "acme-daily", e.GetPendingRevision().GetRevision(), by("second@example.com")); err != nil {
		t.Errorf("Approve of what both agreed to share = %v", err)
	}
}
