// Package preflight tries out a customer's bucket before anything is promised: it does with one probe
// object all that a drop will do, and says by name what holds, what does not, and who can change it.
//
// It refuses to leave anything behind, to show a credential, and to take longer than half a minute.
// Start at Checker.Check.
package preflight

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/obs"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
)

const (
	// checkTime and cleanTime together are the 30 seconds that a caller waits at most.
	checkTime = 25 * time.Second
	cleanTime = 5 * time.Second
	// folder holds probe objects; readers skip names that start with an underscore.
	folder = drop.Prefix + "_preflight/"
)

// Outcome is how a check ended.
type Outcome int

const (
	// Skipped says that it does not apply, or needs a check that failed.
	Skipped Outcome = iota
	// Passed says that it holds.
	Passed
	// Failed says that it does not hold.
	Failed
)

// Check is one thing that was tried. Fix is empty when nothing is to be done.
type Check struct {
	Name         string
	Outcome      Outcome
	Message, Fix string
}

// Destinations reads where a revision's drops land, also one that awaits approval.
type Destinations interface {
	Destination(ctx context.Context, exportID string, revision int64) (bucket.Destination, error)
}

// Buckets opens customers' buckets with the right to write.
type Buckets interface {
	Open(d bucket.Destination) bucket.Bucket
}

// Roles assumes a destination's role anew, with an external id or, when it is empty, with none.
type Roles interface {
	TryRole(ctx context.Context, d bucket.Destination, externalID string) error
}

// Checker tries out destinations. It is safe for concurrent use.
type Checker struct {
	Destinations Destinations
	Buckets      Buckets
	Roles        Roles
	Tel          *obs.Telemetry
}

// Check tries out the destination of a revision, in at most 30 seconds. A check that fails is no
// error; the only ones are those of Destinations.
func (c *Checker) Check(ctx context.Context, exportID string, revision int64) (_ []Check, err error) {
	ctx, span := c.Tel.Start(ctx, obs.SpanCheck, attribute.String(obs.KeyExportID, exportID), attribute.Int64(obs.KeyRevision, revision))
	defer func() { obs.End(span, err) }()
	limited, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	d, err := c.Destinations.Destination(limited, exportID, revision)
	if err != nil {
		return nil, err
	}
	ctx = obs.WithAttrs(ctx, attribute.String(obs.KeyCustomerID, d.Customer), attribute.String(obs.KeyBucket, d.Bucket))
	p := &probe{d: d, bucket: c.Buckets.Open(d), buckets: c.Buckets, roles: c.Roles, key: folder + strings.ToLower(rand.Text()), data: []byte(rand.Text())}
	checks := p.run(limited)
	if !p.clean(ctx) {
		last := &checks[len(checks)-1]
		last.Message += fmt.Sprintf("; the probe object s3://%s/%s may remain: delete it by hand", d.Bucket, p.key)
		c.Tel.Logger.WarnContext(ctx, "probe object may remain, the answer says so", obs.KeyBucket, d.Bucket, obs.KeyFile, p.key)
	}
	span.SetAttributes(attribute.StringSlice(obs.KeyFailedChecks, failed(checks)))
	return checks, nil
}

func failed(checks []Check) []string {
	var names []string
	for _, check := range checks {
		if check.Outcome == Failed {
			names = append(names, check.Name)
		}
	}
	return names
}

// probe is one destination being tried out.
type probe struct {
	d       bucket.Destination
	bucket  bucket.Bucket
	buckets Buckets
	roles   Roles
	key     string
	data    []byte

	// enter is the harmless call that the bucket let in.
	enter func(ctx context.Context, b bucket.Bucket) error
	// written says that the probe object is in the bucket; there, that it may be.
	written, there bool
}

// step is one check and the one that it needs.
type step struct {
	name, needs string
	try         func(p *probe, ctx context.Context) Check
}

func steps() []step {
	return []step{
		{"assume_role", "", (*probe).assumeRole},
		{"assume_role_needs_external_id", "assume_role", (*probe).needsExternalID},
		{"bucket_owner", "assume_role", (*probe).owner},
		{"bucket_owner_is_enforced", "bucket_owner", (*probe).ownerEnforced},
		{"write", "bucket_owner", (*probe).write},
		{"encryption", "write", (*probe).encryption},
		{"list", "bucket_owner", (*probe).list},
		{"read", "write", (*probe).read},
		{"delete", "write", (*probe).remove},
	}
}

// run makes every check that can be made. It returns one for each step.
func (p *probe) run(ctx context.Context) []Check {
	var checks []Check
	cause := map[string]string{} // of a check that failed or could not be made: the one that failed first
	for _, s := range steps() {
		check := Check{Outcome: Skipped, Message: fmt.Sprintf("not tried: %s failed", cause[s.needs])}
		switch {
		case cause[s.needs] != "":
			cause[s.name] = cause[s.needs]
		case ctx.Err() != nil:
			check.Message, check.Fix = "not tried: the time for all checks ran out", "try again"
		default:
			if check = s.try(p, ctx); check.Outcome == Failed {
				cause[s.name] = s.name
			}
		}
		check.Name = s.name
		checks = append(checks, check)
	}
	return checks
}

// clean removes the probe object where a check did not, and reports whether it is gone.
func (p *probe) clean(ctx context.Context) bool {
	if !p.there {
		return true
	}
	// Detached: the caller may have gone while the object was there.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTime)
	defer cancel()
	return p.bucket.Delete(ctx, p.key) == nil
}
