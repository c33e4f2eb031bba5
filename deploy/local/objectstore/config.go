package objectstore

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
)

var accountID = regexp.MustCompile(`^[0-9]{12}$`)

func (c *Config) validate() error {
	var errs []error
	if c.Root == "" {
		errs = append(errs, errors.New("root is empty: name the folder for the objects"))
	}
	if c.Logger == nil {
		errs = append(errs, errors.New("logger is nil"))
	}
	if !accountID.MatchString(c.Admin.Owner) {
		errs = append(errs, fmt.Errorf("admin owner %q is no account id of 12 digits", c.Admin.Owner))
	}
	return errors.Join(append(errs, c.validateListen(), c.validateKeys())...)
}

// validateListen keeps the server on loopback: its data is unencrypted in transit.
func (c *Config) validateListen() error {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return fmt.Errorf("listen %q is no host:port: %w", c.Listen, err)
	}
	if ip, err := netip.ParseAddr(host); err != nil || !ip.IsLoopback() {
		return fmt.Errorf("listen %q is no loopback address: use 127.0.0.1:<port>", c.Listen)
	}
	return nil
}

func (c *Config) validateKeys() error {
	var errs []error
	seen := map[string]bool{c.Admin.Owner: true}
	check := func(access, secret string) {
		if access == "" || secret == "" {
			errs = append(errs, fmt.Errorf("access key %q or its secret is empty", access))
		}
		if seen[access] {
			errs = append(errs, fmt.Errorf("access key %q is given twice", access))
		}
		seen[access] = true
	}
	if c.Admin.AccessKey == c.Admin.Owner {
		seen[c.Admin.Owner] = false
	}
	check(c.Admin.AccessKey, c.Admin.SecretKey)
	for _, u := range c.Users {
		check(u.AccessKey, u.SecretKey)
	}
	return errors.Join(errs...)
}
