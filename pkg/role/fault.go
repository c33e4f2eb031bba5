package role

import (
	"errors"
	"net/http"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/customer-exports/exports/pkg/fault"
)

// explain turns what the SDK says into a fault; nil stays nil. AWS answers a role that is not there, a trust policy that
// does not name us and a wrong external id alike, so one reason stands for all.
func explain(err error, t Target) error {
	if err == nil {
		return nil
	}
	code, status := answer(err)
	switch {
	case refusedKeys(code):
		return fault.Wrap(err, fault.Denied, fault.ReasonBucketDenied, "assuming role %s: our own credential is refused (%s)", t.ARN, code)
	case status == http.StatusForbidden:
		return fault.Wrap(err, fault.Denied, fault.ReasonBucketRoleDenied, "assuming role %s: denied: it is not there, or its trust policy does not let us in with this customer's external id", t.ARN)
	case status == 0, status == http.StatusTooManyRequests, status >= http.StatusInternalServerError, code == "Throttling", code == "ThrottlingException":
		return fault.Wrap(err, fault.Unavailable, fault.ReasonBucketUnavailable, "assuming role %s: the token service is not answering", t.ARN)
	default:
		return fault.Wrap(err, fault.State, fault.ReasonBucketRoleDenied, "assuming role %s: refused (%s)", t.ARN, code)
	}
}

// answer returns the error code and HTTP status of the STS, zero when no answer came.
func answer(err error) (code string, status int) {
	if api := smithy.APIError(nil); errors.As(err, &api) {
		code = api.ErrorCode()
	}
	if response := (*smithyhttp.ResponseError)(nil); errors.As(err, &response) {
		status = response.HTTPStatusCode()
	}
	return code, status
}

// refusedKeys are the codes of refused credentials, as opposed to a refused role.
func refusedKeys(code string) bool {
	switch code {
	case "InvalidClientTokenId", "SignatureDoesNotMatch", "IncompleteSignature", "MissingAuthenticationToken", "ExpiredToken", "ExpiredTokenException":
		return true
	}
	return false
}
