package objectstore

import (
	"context"
	"crypto/rand"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"time"

	"github.com/versity/versitygw/iamapi/policy"
)

const (
	stsNamespace  = "https://sts.amazonaws.com/doc/2011-06-15/"
	maxSTSRequest = 64 << 10
	// Lengths of a session that AWS allows for a role left at its default.
	minSession, standardSession, maxSession = 15 * time.Minute, time.Hour, time.Hour
)

var sessionName = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)

// stsError is a refusal in the words of AWS.
type stsError struct {
	status        int
	code, message string
}

func (e *stsError) Error() string { return e.code + ": " + e.message }

func refuse(status int, code, format string, args ...any) error {
	return &stsError{status, code, fmt.Sprintf(format, args...)}
}

// ServeHTTP answers one call to the STS.
func (a *accounts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, err := a.assumeRole(r)
	status, id := http.StatusOK, rand.Text()
	if refusal := (*stsError)(nil); errors.As(err, &refusal) {
		status = refusal.status
		answer = xmlError{Namespace: stsNamespace, Type: "Sender", Code: refusal.code, Message: refusal.message, RequestID: id}
	}
	text, err := xml.Marshal(answer)
	if err != nil {
		panic(err) // structs of strings always encode
	}
	w.Header().Set("Content-Type", "text/xml")
	w.Header().Set("x-amzn-RequestId", id)
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

// assumeRole returns only stsErrors.
func (a *accounts) assumeRole(r *http.Request) (any, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxSTSRequest))
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "IncompleteBody", "the request ends early")
	}
	caller, err := a.signer(r.Context(), r, body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || form.Get("Action") != "AssumeRole" {
		return nil, refuse(http.StatusBadRequest, "InvalidAction", "only AssumeRole is served")
	}
	length, err := sessionLength(form)
	if err != nil {
		return nil, err
	}
	role, ok := a.sessions.role(form.Get("RoleArn"))
	// As AWS does, a role that is not there is told from one that refuses by nothing.
	if !ok || !role.admits(form.Get("ExternalId")) {
		return nil, refuse(http.StatusForbidden, "AccessDenied", "User: %s is not authorized to perform: sts:AssumeRole on resource: %s", caller, form.Get("RoleArn"))
	}
	return assumed(a.sessions.begin(role, form.Get("RoleSessionName"), form.Get("Policy"), length)), nil
}

// sessionLength checks what does not depend on the role.
func sessionLength(form url.Values) (time.Duration, error) {
	if !sessionName.MatchString(form.Get("RoleSessionName")) {
		return 0, refuse(http.StatusBadRequest, "ValidationError", "RoleSessionName %q is not 2 to 64 letters, digits and +=,.@-_", form.Get("RoleSessionName"))
	}
	if inline := form.Get("Policy"); len(inline) > policy.MaxSessionPolicyBytes {
		return 0, refuse(http.StatusBadRequest, "ValidationError", "Policy is longer than %d bytes", policy.MaxSessionPolicyBytes)
	} else if inline != "" {
		if err := policy.Parse(inline); err != nil {
			return 0, refuse(http.StatusBadRequest, "MalformedPolicyDocument", "%v", err)
		}
	}
	text := form.Get("DurationSeconds")
	if text == "" {
		return standardSession, nil
	}
	seconds, err := strconv.Atoi(text)
	length := time.Duration(seconds) * time.Second
	if err != nil || length < minSession || length > maxSession {
		return 0, refuse(http.StatusBadRequest, "ValidationError", "DurationSeconds %q is not between %g and %g", text, minSession.Seconds(), maxSession.Seconds())
	}
	return length, nil
}

// signer returns the user whose signature the request bears.
func (a *accounts) signer(ctx context.Context, r *http.Request, body []byte) (string, error) {
	claim, err := parseClaim(r)
	if err != nil {
		return "", err
	}
	account, ok := a.fixed[claim.accessKey]
	if !ok {
		return "", refuse(http.StatusForbidden, "InvalidClientTokenId", "The security token included in the request is invalid.")
	}
	return account.Access, claim.verify(ctx, r, body, account.Secret)
}

type xmlError struct {
	XMLName   xml.Name `xml:"ErrorResponse"`
	Namespace string   `xml:"xmlns,attr"`
	Type      string   `xml:"Error>Type"`
	Code      string   `xml:"Error>Code"`
	Message   string   `xml:"Error>Message"`
	RequestID string   `xml:"RequestId"`
}

type xmlAssumed struct {
	XMLName      xml.Name `xml:"AssumeRoleResponse"`
	Namespace    string   `xml:"xmlns,attr"`
	AccessKeyID  string   `xml:"AssumeRoleResult>Credentials>AccessKeyId"`
	Secret       string   `xml:"AssumeRoleResult>Credentials>SecretAccessKey"`
	SessionToken string   `xml:"AssumeRoleResult>Credentials>SessionToken"`
	Expiration   string   `xml:"AssumeRoleResult>Credentials>Expiration"`
	ARN          string   `xml:"AssumeRoleResult>AssumedRoleUser>Arn"`
	RoleID       string   `xml:"AssumeRoleResult>AssumedRoleUser>AssumedRoleId"`
}

func assumed(s session) xmlAssumed {
	return xmlAssumed{
		Namespace: stsNamespace, AccessKeyID: s.accessKey, Secret: s.secret, SessionToken: s.token,
		Expiration: s.expiry.Format(time.RFC3339), ARN: s.role.sessionARN(s.name), RoleID: "AROALOCAL:" + s.name,
	}
}
