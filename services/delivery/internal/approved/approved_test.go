package approved_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/delivery/internal/approved"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
	"github.com/customer-exports/exports/services/delivery/internal/parttest"
)

func TestOnlyWhatWasInForceMayLeave(t *testing.T) {
	for number, name := range configv1.RevisionState_name {
		state := configv1.RevisionState(number)
		answer := parttest.Answer(t, bucket.Destination{})
		answer.Revision.State = state
		_, err := approved.New(answer, dictionary.Standard())
		wanted := state == configv1.RevisionState_REVISION_STATE_IN_FORCE || state == configv1.RevisionState_REVISION_STATE_REPLACED
		if wanted && err != nil {
			t.Errorf("%s: got %v, want it accepted", name, err)
		}
		if !wanted && (fault.ReasonOf(err) != fault.ReasonNotApproved || fault.KindOf(err) != fault.State) {
			t.Errorf("%s: got %v, want STATE NOT_APPROVED", name, err)
		}
	}
}

func TestFormat(t *testing.T) {
	for _, test := range []struct {
		agreed *configv1.Format
		want   drop.Format
		fault  fault.Reason
	}{
		{nil, drop.Format{}, ""},
		{&configv1.Format{FileFormat: configv1.FileFormat_FILE_FORMAT_JSON_LINES}, drop.Format{FileFormat: drop.JSONLines, Compression: drop.Zstd}, ""},
		{&configv1.Format{FileFormat: 99}, drop.Format{}, fault.ReasonValidation}, // of a config service that knows more
		{&configv1.Format{FileFormat: configv1.FileFormat_FILE_FORMAT_CSV, Compression: configv1.Compression_COMPRESSION_SNAPPY}, drop.Format{}, fault.ReasonValidation},
	} {
		answer := parttest.Answer(t, bucket.Destination{})
		answer.Revision.Spec.Format = test.agreed
		got, err := approved.New(answer, dictionary.Standard())
		if fault.ReasonOf(err) != test.fault || err == nil && got.Format != test.want {
			t.Errorf("%v: got %v, %v, want %v", test.agreed, got, err, test.want)
		}
	}
}

func TestDestination(t *testing.T) {
	const role, own, customers = "arn:aws:iam::111122223333:role/analytics-export", "OWNIDOWNIDOWNIDOWNID", "CUSTOMERSIDCUSTOMERSID"
	full := &configv1.Destination{
		Bucket: "acme-data", Region: "eu-central-1", Endpoint: "http://s3", ExpectedBucketOwner: "111122223333", RoleArn: role, ExternalId: own,
		KmsKeyArn: "arn:aws:kms:eu-central-1:111122223333:key/k", ObjectAcl: configv1.ObjectAcl_OBJECT_ACL_BUCKET_OWNER_FULL_CONTROL,
	}
	for name, test := range map[string]struct {
		destination *configv1.Destination
		customerID  string
		want        bucket.Destination
		fault       fault.Reason
	}{
		"all": {full, customers, bucket.Destination{
			Bucket: "acme-data", Region: "eu-central-1", Endpoint: "http://s3", Owner: "111122223333", Role: role, ExternalID: own, Customer: "acme",
			KMSKey: "arn:aws:kms:eu-central-1:111122223333:key/k", OwnerACL: true,
		}, ""},
		"the customer's external id": {&configv1.Destination{RoleArn: role}, customers, bucket.Destination{Role: role, ExternalID: customers, Customer: "acme"}, ""},
		"no role needs no id":        {&configv1.Destination{}, "", bucket.Destination{Customer: "acme"}, ""},
		"no role uses no id":         {&configv1.Destination{}, customers, bucket.Destination{Customer: "acme"}, ""},
		"a role without an id":       {&configv1.Destination{RoleArn: role}, "", bucket.Destination{}, fault.ReasonValidation},
	} {
		t.Run(name, func(t *testing.T) {
			answer := parttest.Answer(t, bucket.Destination{})
			answer.Revision.Spec.Destination, answer.Customer.ExternalId = test.destination, test.customerID
			got, err := approved.Destination(answer)
			if fault.ReasonOf(err) != test.fault {
				t.Fatalf("got %v, want %q", err, test.fault)
			}
			if diff := cmp.Diff(test.want, got); err == nil && diff != "" {
				t.Errorf("destination (-want +got):\n%s", diff)
			}
			revision, err := approved.New(answer, dictionary.Standard())
			if fault.ReasonOf(err) != test.fault || err == nil && revision.Destination != test.want {
				t.Errorf("New: got %v, want the same", err)
			}
			if err != nil && strings.Contains(err.Error(), customers) {
				t.Errorf("New names the external id: %v", err)
			}
		})
	}
}
