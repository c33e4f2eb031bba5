package objectstore

import (
	"crypto/rand"
	"sync"
	"time"

	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/iamapi/policy"
	"github.com/versity/versitygw/iamapi/types"
)

// keepExpired is how long an expired key is still told apart from an unknown one.
const keepExpired = time.Hour

// sessions holds the roles, and the temporary credentials given out for them.
type sessions struct {
	now func() time.Time

	mu    sync.RWMutex
	roles map[string]Role
	keys  map[string]session // by access key
}

// session is one temporary credential.
type session struct {
	accessKey, secret, token string
	role                     Role
	name                     string
	policy                   string // inline session policy; empty: the role alone decides
	expiry                   time.Time
}

func newSessions(now func() time.Time) *sessions {
	return &sessions{now: now, roles: map[string]Role{}, keys: map[string]session{}}
}

func (s *sessions) setRole(r Role) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.roles[r.ARN] = r
}

func (s *sessions) role(arn string) (Role, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	r, ok := s.roles[arn]
	return r, ok
}

func (s *sessions) get(accessKey string) (session, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	have, ok := s.keys[accessKey]
	return have, ok
}

// begin gives out a credential.
func (s *sessions) begin(r Role, name, inline string, length time.Duration) session {
	made := session{
		// The prefix tells S3 clients and servers that a session token belongs to the key.
		accessKey: "ASIA" + rand.Text()[:16], secret: rand.Text() + rand.Text(), token: rand.Text() + rand.Text(),
		role: r, name: name, policy: inline, expiry: s.now().Add(length).UTC().Truncate(time.Second),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, old := range s.keys {
		if s.now().Sub(old.expiry) > keepExpired {
			delete(s.keys, key)
		}
	}
	s.keys[made.accessKey] = made
	return made
}

// account is the session in the gateway's words: a bucket policy names it by role or session.
func (s session) account() auth.Account {
	return auth.Account{
		Access: s.accessKey, Role: auth.RoleUser, SessionToken: s.token, IsSession: true,
		Arn: s.role.sessionARN(s.name), RoleArn: s.role.ARN,
	}
}

// decide judges one action on one resource by the session policy.
func (s session) decide(action, resource string, condition map[string][]string) policy.Decision {
	documents := []types.PolicyEntry{{PolicyDocument: s.policy}}
	return policy.EvaluateIdentityPolicies(documents, policy.RequestContext{Action: action, Resource: resource, Condition: condition})
}
