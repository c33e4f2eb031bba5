package approved

import (
	"cmp"

	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
)

// InForce is what holds for an export now.
type InForce struct {
	// Archived says that no drop is to come any more.
	Archived bool
	// Destination is where the next drop lands.
	Destination bucket.Destination
}

// Destination is where a revision's drops land, whether or not it is approved. A role without an
// external id is refused: whoever knows the role could have us write to it.
func Destination(answer *configv1.GetRevisionResponse) (bucket.Destination, error) {
	d, customer := answer.GetRevision().GetSpec().GetDestination(), answer.GetCustomer()
	out := bucket.Destination{
		Bucket: d.GetBucket(), Region: d.GetRegion(), Endpoint: d.GetEndpoint(), Owner: d.GetExpectedBucketOwner(),
		Customer: customer.GetCustomerId(), KMSKey: d.GetKmsKeyArn(),
		OwnerACL: d.GetObjectAcl() == configv1.ObjectAcl_OBJECT_ACL_BUCKET_OWNER_FULL_CONTROL,
	}
	if d.GetRoleArn() == "" {
		return out, nil
	}
	out.Role, out.ExternalID = d.GetRoleArn(), cmp.Or(d.GetExternalId(), customer.GetExternalId())
	if out.ExternalID == "" {
		return out, fault.New(fault.State, fault.ReasonValidation, "revision %d has a role, but neither it nor customer %s has an external id", answer.GetRevision().GetRevision(), out.Customer)
	}
	return out, nil
}
