// Package approval decides which changes two people must agree on: whatever moves data elsewhere, shows more of it, or
// stops it unseen. It is pure. Start at Causes.
package approval

import (
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

// Causes says why two people must agree that next replaces current; current is nil while no revision is in force. Without
// a cause, the author's word is enough.
func Causes(current, next *configv1.ExportSpec) []configv1.ApprovalCause {
	if next.GetArchived() {
		return nil // only what delivers nothing can end
	}
	if current == nil {
		return []configv1.ApprovalCause{configv1.ApprovalCause_APPROVAL_CAUSE_FIRST_REVISION}
	}
	from, to := current.GetDestination(), next.GetDestination()
	var all []configv1.ApprovalCause
	for _, c := range []struct {
		cause  configv1.ApprovalCause
		change bool
	}{
		{configv1.ApprovalCause_APPROVAL_CAUSE_DESTINATION, place(from) != place(to)},
		{configv1.ApprovalCause_APPROVAL_CAUSE_WIDER_SCOPE, wider(current, next)},
		{configv1.ApprovalCause_APPROVAL_CAUSE_ROLE, from.GetRoleArn() != to.GetRoleArn() || from.GetExternalId() != to.GetExternalId()},
		{configv1.ApprovalCause_APPROVAL_CAUSE_KEY, from.GetKmsKeyArn() != to.GetKmsKeyArn()},
		{configv1.ApprovalCause_APPROVAL_CAUSE_PAUSE, next.GetPaused() && !current.GetPaused()},
	} {
		if c.change {
			all = append(all, c.cause)
		}
	}
	return all
}

// where is what of a destination decides whose hands the data gets into.
type where struct {
	bucket, region, endpoint, owner string
	acl                             configv1.ObjectAcl
}

func place(d *configv1.Destination) where {
	return where{d.GetBucket(), d.GetRegion(), d.GetEndpoint(), d.GetExpectedBucketOwner(), d.GetObjectAcl()}
}

func wider(current, next *configv1.ExportSpec) bool {
	brands, locations := Added(current, next)
	return len(brands) > 0 || len(locations) > 0
}

// Added are the brands and locations of next that current does not have; all of them when current is nil.
func Added(current, next *configv1.ExportSpec) (brands, locations []string) {
	return Without(next.GetScope().GetBrands(), current.GetScope().GetBrands()),
		Without(next.GetScope().GetLocationIds(), current.GetScope().GetLocationIds())
}

// Without returns the values that are not known, in order.
func Without(values, known []string) []string {
	set := make(map[string]bool, len(known))
	for _, value := range known {
		set[value] = true
	}
	var rest []string
	for _, value := range values {
		if !set[value] {
			rest = append(rest, value)
		}
	}
	return rest
}

// Moves says that a revision changes where drops land or under whose hand, so that the bucket must have been tried out.
func Moves(all []configv1.ApprovalCause) bool {
	for _, cause := range all {
		switch cause {
		case configv1.ApprovalCause_APPROVAL_CAUSE_FIRST_REVISION, configv1.ApprovalCause_APPROVAL_CAUSE_DESTINATION,
			configv1.ApprovalCause_APPROVAL_CAUSE_ROLE, configv1.ApprovalCause_APPROVAL_CAUSE_KEY:
			return true
		}
	}
	return false
}
