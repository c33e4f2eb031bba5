// Package role lends a service the rights that a customer grants: it assumes the role in the customer's account, always
// with the external id that only this customer's trust policy knows, so that nobody can have us write to a bucket that is
// another's.
//
// A session may do less than the role: its inline policy names one bucket, the prefix of drops and the actions that the
// service needs. The package refuses to assume a role without an external id, but in Try. Start at New.
package role

import (
	"context"
	"regexp"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/customer-exports/exports/pkg/fault"
)

const (
	// sessionLength is half of what AWS allows to one who is in an assumed role already, as services in the cloud are.
	sessionLength = 30 * time.Minute
	// renewBefore is more than the longest single call to a bucket takes.
	renewBefore = 5 * time.Minute
	// tryLength is the shortest that AWS gives.
	tryLength = 15 * time.Minute
	// maxName is the length of a session name that AWS takes.
	maxName = 64
)

// Access is the most that a session may do below the prefix of drops.
type Access int

const (
	// Read lists and gets.
	Read Access = iota
	// Write also puts, deletes, and begins, lists and aborts uploads.
	Write
)

// Target is the role that is assumed, and what for.
type Target struct {
	ARN, ExternalID string
	// CustomerID is part of the session's name, which the customer finds in its access log.
	CustomerID     string
	Bucket, Region string
	// KMSKey is the ARN of the key that encrypts; empty means whichever the bucket uses.
	KMSKey string
	// OwnerACL is for buckets that want an ACL with every object.
	OwnerACL bool
}

// Config is who assumes roles, and where.
type Config struct {
	// Service is the first part of every session's name.
	Service string
	Access  Access
	// Keys are the service's own credentials.
	Keys aws.CredentialsProvider
	// Endpoint is the URL of the STS; empty means AWS's own in Region.
	Endpoint, Region string
	// HTTP is nil for the SDK's own client.
	HTTP aws.HTTPClient
}

// Assumer gives out credentials. It is safe for concurrent use.
type Assumer struct {
	cfg    Config
	client *sts.Client

	mu sync.Mutex
	// held grows by one entry for each destination that is agreed upon: hundreds, not more.
	held map[Target]*provider
}

// New prepares an Assumer; it contacts nobody.
func New(cfg Config) *Assumer {
	options := sts.Options{Region: cfg.Region, Credentials: cfg.Keys, HTTPClient: cfg.HTTP}
	if cfg.Endpoint != "" {
		options.BaseEndpoint = &cfg.Endpoint
	}
	return &Assumer{cfg: cfg, client: sts.New(options), held: map[Target]*provider{}}
}

// Credentials returns the credentials of a target: one session at a time, begun when it is first needed and renewed five
// minutes before it ends, or when Invalidate is called on them because it was refused as over. Faults: BUCKET_ROLE_DENIED when the role does not let us in; BUCKET_DENIED when our own
// credentials are refused; BUCKET_UNAVAILABLE when the STS does not answer.
func (a *Assumer) Credentials(t Target) aws.CredentialsProvider {
	a.mu.Lock()
	defer a.mu.Unlock()
	held, ok := a.held[t]
	if !ok {
		held = &provider{target: t, cache: aws.NewCredentialsCache(a.assume(t, sessionLength), func(o *aws.CredentialsCacheOptions) {
			o.ExpiryWindow = renewBefore
		})}
		a.held[t] = held
	}
	return held
}

// Try assumes a target's role anew, also without an external id, and forgets the session. Faults are those of
// Credentials.
func (a *Assumer) Try(ctx context.Context, t Target) error {
	_, err := a.assume(t, tryLength).Retrieve(ctx)
	return explain(err, t)
}

func (a *Assumer) assume(t Target, length time.Duration) *stscreds.AssumeRoleProvider {
	return stscreds.NewAssumeRoleProvider(a.client, t.ARN, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName, o.Duration = sessionName(a.cfg.Service, t.CustomerID), length
		o.Policy = aws.String(policy(t, a.cfg.Access))
		if t.ExternalID != "" {
			o.ExternalID = &t.ExternalID
		}
	})
}

// sessionName says service and customer in the letters that AWS takes.
func sessionName(service, customerID string) string {
	name := regexp.MustCompile(`[^A-Za-z0-9_=,.@-]`).ReplaceAllString(service+"-"+customerID, "-")
	return name[:min(len(name), maxName)]
}

// provider is one target's session.
type provider struct {
	target Target
	cache  *aws.CredentialsCache
}

// Invalidate ends the session for us, so that the next call begins another one.
func (p *provider) Invalidate() { p.cache.Invalidate() }

// Retrieve returns the session's credentials.
func (p *provider) Retrieve(ctx context.Context) (aws.Credentials, error) {
	if p.target.ExternalID == "" {
		return aws.Credentials{}, fault.New(fault.State, fault.ReasonBucketRoleDenied, "role %s has no external id: it is not assumed without one", p.target.ARN)
	}
	keys, err := p.cache.Retrieve(ctx)
	return keys, explain(err, p.target)
}
