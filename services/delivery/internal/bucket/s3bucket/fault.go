package s3bucket

import (
	"crypto/tls"
	"errors"
	"net/http"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/customer-exports/exports/pkg/fault"
)

// expiredToken is the code of a credential whose time is over. A new one can be had.
const expiredToken = "ExpiredToken"

// codes of a refused credential, as opposed to a refused bucket.
func refusedCredential(code string) bool {
	switch code {
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken":
		return true
	}
	return false
}

// answer returns S3's error code and HTTP status, zero when no answer came. What the token service
// answered, when the role was assumed for the call, is not S3's.
func answer(err error) (code string, status int) {
	if _, ok := fault.Of(err); ok {
		return "", 0
	}
	if api := smithy.APIError(nil); errors.As(err, &api) {
		code = api.ErrorCode()
	}
	if response := (*smithyhttp.ResponseError)(nil); errors.As(err, &response) {
		status = response.HTTPStatusCode()
	}
	return code, status
}

// explain turns what the SDK says into a fault. S3 answers a foreign owner and a missing right alike
// with 403, so one reason stands for both and the message names both.
func (b *Bucket) explain(err error, doing, key string) error {
	if f, ok := fault.Of(err); ok { // the role was not to be had; S3 was not asked
		return fault.Wrap(err, f.Kind, f.Reason, "%s s3://%s/%s: %s", doing, b.name, key, f.Message)
	}
	code, status := answer(err)
	switch {
	case code == "KMS.ThrottlingException":
		return fault.Wrap(err, fault.Unavailable, fault.ReasonBucketUnavailable, "%s s3://%s/%s: the encryption key is used too often just now", doing, b.name, key)
	case strings.HasPrefix(code, "KMS."):
		return fault.Wrap(err, fault.State, fault.ReasonBucketKeyRefused, "%s s3://%s/%s: the encryption key cannot be used (%s)", doing, b.name, key, code)
	case code == expiredToken:
		return fault.Wrap(err, fault.Unavailable, fault.ReasonBucketDenied, "%s s3://%s/%s: the credential has expired", doing, b.name, key)
	case code == "RequestTimeTooSkewed":
		return fault.Wrap(err, fault.Unavailable, fault.ReasonBucketUnavailable, "%s s3://%s/%s: our clock is not the bucket's", doing, b.name, key)
	case refusedCredential(code):
		return fault.Wrap(err, fault.Denied, fault.ReasonBucketDenied, "%s s3://%s/%s: credential refused (%s)", doing, b.name, key, code)
	case status == http.StatusForbidden:
		return fault.Wrap(err, fault.Denied, fault.ReasonBucketOwnerMismatch, "%s s3://%s/%s: access denied: the bucket is not owned by account %s, or does not let us in", doing, b.name, key, b.owner)
	case code == "NoSuchBucket":
		return fault.Wrap(err, fault.NotFound, fault.ReasonBucketUnavailable, "%s s3://%s/%s: no such bucket", doing, b.name, key)
	case untrusted(err):
		return fault.Wrap(err, fault.Unavailable, fault.ReasonBucketUnavailable, "%s s3://%s/%s: its certificate is signed by nobody whom we trust: put the authority into s3.ca_file", doing, b.name, key)
	case passing(status):
		return fault.Wrap(err, fault.Unavailable, fault.ReasonBucketUnavailable, "%s s3://%s/%s: not answering", doing, b.name, key)
	default:
		return fault.Wrap(err, fault.State, fault.ReasonBucketUnavailable, "%s s3://%s/%s: refused (%s)", doing, b.name, key, code)
	}
}

// untrusted reports a server that could not prove who it is.
func untrusted(err error) bool {
	unproven := (*tls.CertificateVerificationError)(nil)
	return errors.As(err, &unproven)
}

// passing reports whether the same call may succeed later.
func passing(status int) bool {
	switch status {
	case 0, http.StatusRequestTimeout, http.StatusConflict, http.StatusTooManyRequests:
		return true
	}
	return status >= http.StatusInternalServerError
}
