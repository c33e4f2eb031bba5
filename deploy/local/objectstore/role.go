package objectstore

import (
	"fmt"
	"regexp"
	"strings"
)

var roleARN = regexp.MustCompile(`^arn:aws:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]{1,512}$`)

// Role is what a customer makes so that a user of ours can act in its account.
// What it may do, the grants of a bucket say.
type Role struct {
	ARN string // arn:aws:iam::<12 digits>:role/<name>
	// ExternalID is the one that the role's trust policy asks for. Empty is the
	// customer's mistake of leaving that condition out: any id does, and none.
	ExternalID string
}

// CreateRole adds a role that every configured user may assume with the role's
// external id, or replaces the one of that ARN. Sessions begun before go on.
func (s *Server) CreateRole(r Role) error {
	if !roleARN.MatchString(r.ARN) {
		return fmt.Errorf("role %q is no ARN such as arn:aws:iam::111122223333:role/analytics-export", r.ARN)
	}
	s.accounts.sessions.setRole(r)
	return nil
}

// STSEndpoint is the base URL at which roles are assumed.
func (s *Server) STSEndpoint() string { return s.Endpoint() }

// admits reports whether a caller that sends this external id, or none, is let in.
func (r Role) admits(externalID string) bool {
	return r.ExternalID == "" || r.ExternalID == externalID
}

// sessionARN is the name of one session in policies and messages.
func (r Role) sessionARN(session string) string {
	fields := strings.SplitN(r.ARN, ":", 6)
	name := r.ARN[strings.LastIndexByte(r.ARN, '/')+1:]
	return "arn:aws:sts::" + fields[4] + ":assumed-role/" + name + "/" + session
}
