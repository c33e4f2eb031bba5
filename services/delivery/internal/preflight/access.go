package preflight

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
)

// assumeRole proves that the customer's role lets us in.
func (p *probe) assumeRole(ctx context.Context) Check {
	if p.d.Role == "" {
		return skipped("the destination names no role: delivery's own key is used")
	}
	if err := p.roles.TryRole(ctx, p.d, p.d.ExternalID); err != nil {
		return fails(err, p.trustFix(err))
	}
	return passed("role %s lets us in with the customer's external id", p.d.Role)
}

// needsExternalID proves that nobody else can have us assume the role: without the customer's id, or
// with another customer's, it must be refused.
func (p *probe) needsExternalID(ctx context.Context) Check {
	if p.d.Role == "" {
		return skipped("the destination names no role")
	}
	for _, id := range []string{"", rand.Text()} {
		err := p.roles.TryRole(ctx, p.d, id)
		if err == nil {
			return Check{Outcome: Failed, Message: fmt.Sprintf("role %s lets us in without the customer's external id", p.d.Role), Fix: p.conditionFix()}
		}
		if fault.ReasonOf(err) != fault.ReasonBucketRoleDenied {
			return fails(err, tryAgain)
		}
	}
	return passed("role %s refuses us without the customer's external id", p.d.Role)
}

// owner proves that the bucket is there, in this region, and belongs to the account that was agreed.
// Any call that is let in proves it, so that a missing right to list is not taken for a foreign owner.
func (p *probe) owner(ctx context.Context) Check {
	err := p.listing(ctx, p.bucket)
	if err == nil {
		p.enter = p.listing
		return passed("bucket %s belongs to account %s", p.d.Bucket, p.d.Owner)
	}
	if fault.ReasonOf(err) == fault.ReasonBucketOwnerMismatch && p.aborting(ctx, p.bucket) == nil {
		p.enter = p.aborting
		return passed("bucket %s belongs to account %s", p.d.Bucket, p.d.Owner)
	}
	return fails(err, p.ownerFix(err))
}

// ownerEnforced proves that a bucket which changed hands would be refused.
func (p *probe) ownerEnforced(ctx context.Context) Check {
	foreign := p.d
	if foreign.Owner = "000000000000"; p.d.Owner == foreign.Owner {
		foreign.Owner = "000000000001"
	}
	err := p.enter(ctx, p.buckets.Open(foreign))
	switch {
	case err == nil:
		return Check{Outcome: Failed, Message: "the store lets us in although another owner is expected", Fix: storeFix}
	case fault.ReasonOf(err) != fault.ReasonBucketOwnerMismatch:
		return fails(err, tryAgain)
	}
	return passed("the store refuses when another owner is expected")
}

func (p *probe) listing(ctx context.Context, b bucket.Bucket) error {
	_, err := b.List(ctx, p.key)
	return err
}

// aborting asks for an upload that is not there: whoever is let in hears so.
func (p *probe) aborting(ctx context.Context, b bucket.Bucket) error {
	err := b.AbortUpload(ctx, bucket.Upload{Key: p.key, ID: "preflight"})
	if errors.Is(err, bucket.ErrNoUpload) {
		return nil
	}
	return err
}
