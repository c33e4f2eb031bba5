package preflight

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
)

// write puts the probe object, with key and ACL as agreed.
func (p *probe) write(ctx context.Context) Check {
	err := p.bucket.PutNew(ctx, p.key, p.data)
	// After a lost answer it may be there.
	p.written, p.there = err == nil, err == nil || fault.Retryable(err)
	if err != nil {
		return refused("writing", err, p.writeFix(err))
	}
	return passed("an object was written below %s", folder)
}

// encryption looks at the key that the probe object is encrypted with. S3 always says it; another
// store may not, and then nothing can be concluded.
func (p *probe) encryption(ctx context.Context) Check {
	if p.d.KMSKey == "" {
		return skipped("no key is agreed: the bucket's own encryption applies")
	}
	got, err := p.bucket.Encryption(ctx, p.key)
	switch {
	case err != nil:
		return refused("reading", orGone(err), p.readFix(err))
	case got == bucket.Encryption{Algorithm: "aws:kms", KMSKey: p.d.KMSKey}:
		return passed("the object is encrypted with %s", p.d.KMSKey)
	case got.Algorithm == "" && p.d.Endpoint != "":
		check := skipped("the store at %s does not say how objects are encrypted: whether the key is used cannot be seen", p.d.Endpoint)
		check.Fix = "ask whoever runs the store whether it encrypts with the key that each request names"
		return check
	}
	return Check{Outcome: Failed, Message: fmt.Sprintf("the object is encrypted by %q with key %q, agreed is %s", got.Algorithm, got.KMSKey, p.d.KMSKey), Fix: p.keyFix()}
}

// list looks for the probe object and for uploads, as a commit does.
func (p *probe) list(ctx context.Context) Check {
	keys, err := p.bucket.List(ctx, p.key)
	if err != nil {
		return refused("listing objects", err, p.listFix(err))
	}
	if p.written && !slices.Contains(keys, p.key) {
		return Check{Outcome: Failed, Message: "the object that was written is not listed", Fix: storeFix}
	}
	if _, err := p.bucket.ListUploads(ctx, p.key); err != nil {
		return refused("listing uploads", err, p.listFix(err))
	}
	return passed("objects and uploads are listed")
}

// read gets the probe object back, and asks for one that is not there: a commit must be told so, not
// refused.
func (p *probe) read(ctx context.Context) Check {
	got, _, err := p.bucket.Get(ctx, p.key)
	if err != nil {
		return refused("reading", orGone(err), p.readFix(err))
	}
	if !bytes.Equal(got, p.data) {
		return Check{Outcome: Failed, Message: "the object came back with other bytes", Fix: storeFix}
	}
	if _, err := p.bucket.Head(ctx, p.key+"-absent"); !errors.Is(err, bucket.ErrNotFound) {
		return Check{Outcome: Failed, Message: "an object that is not there is not said to be missing", Fix: p.listFix(err)}
	}
	return passed("the object came back as it was written")
}

// remove deletes the probe object, which is what retention does to drops, and proves that uploads can
// be given up.
func (p *probe) remove(ctx context.Context) Check {
	if err := p.bucket.Delete(ctx, p.key); err != nil {
		return refused("deleting", err, p.deleteFix(err))
	}
	if _, err := p.bucket.Head(ctx, p.key); err == nil {
		return Check{Outcome: Failed, Message: "the object is still there after it was deleted", Fix: storeFix}
	}
	p.there = false
	if err := p.aborting(ctx, p.bucket); err != nil {
		return refused("giving up an upload", err, p.deleteFix(err))
	}
	return passed("the object was deleted, and uploads can be given up")
}

// orGone makes a fault of the answer that an object just written is not there.
func orGone(err error) error {
	if errors.Is(err, bucket.ErrNotFound) {
		return fault.Wrap(err, fault.State, fault.ReasonBucketUnavailable, "the object that was written is not there")
	}
	return err
}
