package watch

import (
	"testing"

	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/slamonitor/internal/bucket"
)

func TestPlaceIsReachedAsDeliveryReachesIt(t *testing.T) {
	customer := &configv1.Customer{CustomerId: "acme", ExternalId: "CUSTOMERSID"}
	d := &configv1.Destination{
		Bucket: "acme-data", Region: "eu-central-1", Endpoint: "http://s3", ExpectedBucketOwner: "111122223333",
		RoleArn: "arn:aws:iam::111122223333:role/r", KmsKeyArn: "arn:aws:kms:eu-central-1:111122223333:key/k",
	}
	want := bucket.Place{
		Bucket: "acme-data", Region: "eu-central-1", Endpoint: "http://s3", Owner: "111122223333", Role: d.GetRoleArn(),
		ExternalID: "CUSTOMERSID", Customer: "acme", KMSKey: d.GetKmsKeyArn(),
	}
	if got := placeOf(d, customer); got != want {
		t.Errorf("got %+v, want the customer's external id in %+v", got, want)
	}
	d.ExternalId, want.ExternalID = "OWNID", "OWNID"
	if got := placeOf(d, customer); got != want {
		t.Errorf("got %+v, want the destination's own external id in %+v", got, want)
	}
}
