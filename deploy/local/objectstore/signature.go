package objectstore

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const (
	signedTime = "20060102T150405Z"
	maxSkew    = 15 * time.Minute
)

var authorization = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=([^/,]+)/([0-9]{8})/([^/,]+)/sts/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$`)

// claim is what a request to the STS says of its signature.
type claim struct {
	accessKey, date, region string
	headers                 []string
	signature               string
}

func parseClaim(r *http.Request) (claim, error) {
	match := authorization.FindStringSubmatch(r.Header.Get("Authorization"))
	if match == nil {
		return claim{}, refuse(http.StatusForbidden, "MissingAuthenticationToken", "Request is missing Authentication Token")
	}
	c := claim{accessKey: match[1], date: match[2], region: match[3], headers: strings.Split(match[4], ";"), signature: match[5]}
	if !slices.Contains(c.headers, "host") || !slices.Contains(c.headers, "x-amz-date") {
		return claim{}, refuse(http.StatusForbidden, "IncompleteSignature", "Host and X-Amz-Date must be signed")
	}
	return c, nil
}

// verify signs the request anew, as the SDK would, and compares.
func (c claim) verify(ctx context.Context, r *http.Request, body []byte, secret string) error {
	at, err := time.Parse(signedTime, r.Header.Get("X-Amz-Date"))
	if err != nil || at.Format("20060102") != c.date || time.Since(at).Abs() > maxSkew {
		return refuse(http.StatusForbidden, "SignatureDoesNotMatch", "Signature not yet current or expired")
	}
	again := c.signed(r, int64(len(body)))
	sum := sha256.Sum256(body)
	keys := aws.Credentials{AccessKeyID: c.accessKey, SecretAccessKey: secret}
	if err := v4.NewSigner().SignHTTP(ctx, keys, again, hex.EncodeToString(sum[:]), "sts", c.region, at); err != nil {
		return refuse(http.StatusForbidden, "SignatureDoesNotMatch", "the request cannot be signed: %v", err)
	}
	match := authorization.FindStringSubmatch(again.Header.Get("Authorization"))
	if match == nil || match[4] != strings.Join(c.headers, ";") || subtle.ConstantTimeCompare([]byte(match[5]), []byte(c.signature)) != 1 {
		return refuse(http.StatusForbidden, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided.")
	}
	return nil
}

// signed is the request with nothing but its signed headers.
func (c claim) signed(r *http.Request, length int64) *http.Request {
	again := &http.Request{Method: r.Method, Host: r.Host, URL: &url.URL{Scheme: "http", Host: r.Host, Path: r.URL.Path, RawQuery: r.URL.RawQuery}, Header: http.Header{}}
	for _, name := range c.headers {
		switch name {
		case "host":
		case "content-length":
			again.ContentLength = length
		default:
			again.Header[http.CanonicalHeaderKey(name)] = r.Header.Values(name)
		}
	}
	return again
}
