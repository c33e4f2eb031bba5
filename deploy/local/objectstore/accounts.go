package objectstore

import (
	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/s3err"
)

// accounts is the fixed list of who may sign requests. It is never changed
// while the server runs: the gateway's administration calls are refused.
type accounts map[string]auth.Account

var _ auth.IAMService = accounts{}

func newAccounts(cfg Config) accounts {
	list := accounts{}
	for _, u := range cfg.Users {
		list[u.AccessKey] = auth.Account{Access: u.AccessKey, Secret: u.SecretKey, Role: auth.RoleUser}
	}
	for _, access := range []string{cfg.Admin.AccessKey, cfg.Admin.Owner} {
		list[access] = auth.Account{Access: access, Secret: cfg.Admin.SecretKey, Role: auth.RoleAdmin}
	}
	return list
}

// GetUserAccount returns auth.ErrNoSuchUser for a key that was not configured.
func (a accounts) GetUserAccount(access string) (auth.Account, error) {
	account, ok := a[access]
	if !ok {
		return auth.Account{}, auth.ErrNoSuchUser
	}
	return account, nil
}

// ResolveAccounts returns those of the keys that were not configured.
func (a accounts) ResolveAccounts(access []string) ([]string, error) {
	missing := []string{}
	for _, key := range access {
		if _, ok := a[key]; !ok {
			missing = append(missing, key)
		}
	}
	return missing, nil
}

// Shutdown has nothing to release.
func (a accounts) Shutdown() error { return nil }

// CreateAccount is refused.
func (a accounts) CreateAccount(auth.Account) error { return errFixed() }

// UpdateUserAccount is refused.
func (a accounts) UpdateUserAccount(string, auth.MutableProps) error { return errFixed() }

// DeleteUserAccount is refused.
func (a accounts) DeleteUserAccount(string) error { return errFixed() }

// ListUserAccounts is refused.
func (a accounts) ListUserAccounts() ([]auth.Account, error) { return nil, errFixed() }

func errFixed() error { return s3err.GetAPIError(s3err.ErrAdminMethodNotSupported) }
