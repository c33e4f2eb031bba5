package objectstore

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"slices"

	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/s3err"
)

// accounts is who may sign requests: the configured users, which never change
// while the server runs, and the sessions of roles. The gateway's administration
// calls are refused.
type accounts struct {
	fixed    map[string]auth.Account
	sessions *sessions
}

var (
	_ auth.IAMService         = (*accounts)(nil)
	_ auth.SigningKeyProvider = (*accounts)(nil)
	_ auth.PolicyEvaluator    = (*accounts)(nil)
	_ auth.PrincipalResolver  = (*accounts)(nil)
)

func newAccounts(cfg Config) *accounts {
	fixed := map[string]auth.Account{}
	for _, u := range cfg.Users {
		fixed[u.AccessKey] = auth.Account{Access: u.AccessKey, Secret: u.SecretKey, Role: auth.RoleUser}
	}
	for _, access := range []string{cfg.Admin.AccessKey, cfg.Admin.Owner} {
		fixed[access] = auth.Account{Access: access, Secret: cfg.Admin.SecretKey, Role: auth.RoleAdmin}
	}
	return &accounts{fixed: fixed, sessions: newSessions(cfg.Now)}
}

// DeriveSigningKey finds the key that a request must be signed with. A session's
// key needs its own token, a user's key none.
func (a *accounts) DeriveSigningKey(access, token, date, region, service string) ([]byte, auth.Account, error) {
	if account, ok := a.fixed[access]; ok {
		if token != "" {
			return nil, auth.Account{}, auth.ErrInvalidSessionToken
		}
		return signingKey(account.Secret, date, region, service), account, nil
	}
	s, ok := a.sessions.get(access)
	switch {
	case !ok:
		return nil, auth.Account{}, auth.ErrNoSuchUser
	case subtle.ConstantTimeCompare([]byte(s.token), []byte(token)) != 1:
		return nil, auth.Account{}, auth.ErrInvalidSessionToken
	case !a.sessions.now().Before(s.expiry):
		return nil, auth.Account{}, errExpired()
	}
	return signingKey(s.secret, date, region, service), s.account(), nil
}

// EvaluatePolicy judges by session policy alone: neither users nor roles have a
// policy of their own here, what they may do stands in the bucket's.
func (a *accounts) EvaluatePolicy(access, _ string, actions []auth.Action, resources []string, condition map[string][]string) (auth.PolicyEvaluation, error) {
	var out auth.PolicyEvaluation
	fill(&out.Decisions, len(resources), len(actions), func(int, int) int { return 0 })
	s, ok := a.sessions.get(access)
	if !ok {
		return out, nil
	}
	out.PrincipalArn = s.role.sessionARN(s.name)
	if out.HasSessionPolicy = s.policy != ""; out.HasSessionPolicy {
		fill(&out.SessionDecisions, len(resources), len(actions), func(i, j int) int {
			return int(s.decide(string(actions[j]), resources[i], condition))
		})
	}
	return out, nil
}

// fill makes a matrix whose element type the gateway does not export. Its values
// are those of policy.Decision: 0 no match, 1 allow, 2 deny.
func fill[D ~int](matrix *[][]D, rows, columns int, value func(row, column int) int) {
	for i := range rows {
		row := make([]D, columns)
		for j := range row {
			row[j] = D(value(i, j))
		}
		*matrix = append(*matrix, row)
	}
}

// ResolvePrincipals returns those that name neither a user nor a role.
func (a *accounts) ResolvePrincipals(principals []string) ([]string, error) {
	return slices.DeleteFunc(slices.Clone(principals), func(p string) bool {
		_, user := a.fixed[p]
		_, role := a.sessions.role(p)
		return user || role
	}), nil
}

// GetUserAccount returns auth.ErrNoSuchUser for a key that was not configured.
func (a *accounts) GetUserAccount(access string) (auth.Account, error) {
	account, ok := a.fixed[access]
	if !ok {
		return auth.Account{}, auth.ErrNoSuchUser
	}
	return account, nil
}

// ResolveAccounts returns those of the keys that were not configured.
func (a *accounts) ResolveAccounts(access []string) ([]string, error) {
	return slices.DeleteFunc(slices.Clone(access), func(key string) bool {
		_, ok := a.fixed[key]
		return ok
	}), nil
}

// Shutdown has nothing to release.
func (a *accounts) Shutdown() error { return nil }

// CreateAccount is refused.
func (a *accounts) CreateAccount(auth.Account) error { return errFixed() }

// UpdateUserAccount is refused.
func (a *accounts) UpdateUserAccount(string, auth.MutableProps) error { return errFixed() }

// DeleteUserAccount is refused.
func (a *accounts) DeleteUserAccount(string) error { return errFixed() }

// ListUserAccounts is refused.
func (a *accounts) ListUserAccounts() ([]auth.Account, error) { return nil, errFixed() }

func errFixed() error { return s3err.GetAPIError(s3err.ErrAdminMethodNotSupported) }

func errExpired() error {
	return s3err.APIError{Code: "ExpiredToken", Description: "The provided token has expired.", HTTPStatusCode: http.StatusBadRequest}
}

// signingKey derives the key of one day, region and service as Signature Version 4 says.
func signingKey(secret, date, region, service string) []byte {
	key := []byte("AWS4" + secret)
	for _, part := range []string{date, region, service, "aws4_request"} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	return key
}
