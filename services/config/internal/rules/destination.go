package rules

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

var (
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	regionName = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)
	accountID  = regexp.MustCompile(`^[0-9]{12}$`)
	roleARN    = regexp.MustCompile(`^arn:aws[a-z-]*:iam::([0-9]{12}):role/[A-Za-z0-9+=,.@_/-]{1,512}$`)
	keyARN     = regexp.MustCompile(`^arn:aws[a-z-]*:kms:([a-z0-9-]+):([0-9]{12}):key/[A-Za-z0-9-]{1,128}$`)
)

func checkDestination(f *Faults, d *configv1.Destination, externalID string) {
	at := func(field, problem string) { f.Text("spec.destination."+field, problem) }
	at("bucket", bucketFault(d.GetBucket()))
	if !regionName.MatchString(d.GetRegion()) {
		at("region", "is not a region such as us-east-1")
	}
	at("endpoint", endpointFault(d.GetEndpoint()))
	if !accountID.MatchString(d.GetExpectedBucketOwner()) {
		at("expected_bucket_owner", "is not a 12-digit account id")
	}
	at("role_arn", roleFault(d))
	at("external_id", externalIDFault(d, externalID))
	at("kms_key_arn", keyFault(d))
	if _, known := configv1.ObjectAcl_name[int32(d.GetObjectAcl())]; !known {
		at("object_acl", "is not a known ACL")
	}
}

// roleFault keeps the role in the account that owns the bucket: another account's role is not the customer's to grant.
func roleFault(d *configv1.Destination) string {
	if d.GetRoleArn() == "" {
		return ""
	}
	parts := roleARN.FindStringSubmatch(d.GetRoleArn())
	switch {
	case parts == nil:
		return "is not a role such as arn:aws:iam::111122223333:role/exports"
	case parts[1] != d.GetExpectedBucketOwner():
		return fmt.Sprintf("is a role of account %s, but the bucket's owner is %s", parts[1], d.GetExpectedBucketOwner())
	default:
		return ""
	}
}

// externalIDFault allows the customer's own only: one that two customers share lets each have us write for the other.
func externalIDFault(d *configv1.Destination, own string) string {
	switch {
	case d.GetExternalId() == "":
		return ""
	case d.GetRoleArn() == "":
		return "means nothing without role_arn: remove it, or name the role"
	case d.GetExternalId() != own:
		return "is not the customer's: leave it out, GetCustomer shows the one that is used"
	default:
		return ""
	}
}

func keyFault(d *configv1.Destination) string {
	if d.GetKmsKeyArn() == "" {
		return ""
	}
	parts := keyARN.FindStringSubmatch(d.GetKmsKeyArn())
	switch {
	case parts == nil:
		return "is not a full key ARN such as arn:aws:kms:us-east-1:111122223333:key/1234abcd"
	case parts[1] != d.GetRegion():
		return fmt.Sprintf("is a key of region %s, but the bucket is in %s", parts[1], d.GetRegion())
	case parts[2] != d.GetExpectedBucketOwner():
		return fmt.Sprintf("is a key of account %s, but the bucket's owner is %s", parts[2], d.GetExpectedBucketOwner())
	default:
		return ""
	}
}

// bucketFault follows the naming rules of S3 general purpose buckets.
func bucketFault(name string) string {
	_, addressErr := netip.ParseAddr(name)
	switch {
	case !bucketName.MatchString(name):
		return "is not 3 to 63 lower-case letters, digits, dots and hyphens, from and to a letter or digit"
	case strings.Contains(name, ".."):
		return "holds two dots in a row"
	case addressErr == nil:
		return "is written like an IP address"
	default:
		return ""
	}
}

// endpointFault allows a bare origin only: a path or a query would move objects out of the agreed prefix.
func endpointFault(endpoint string) string {
	if endpoint == "" {
		return ""
	}
	u, err := url.Parse(endpoint)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "":
		return "is not a URL such as https://s3.example.com"
	case u.User != nil:
		return "holds credentials: they belong in files of the service that needs them"
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
		return "holds more than scheme, host and port"
	case u.Scheme == "http" && loopback(u.Hostname()):
		return ""
	case u.Scheme != "https":
		return "is not https; http is for loopback hosts only"
	default:
		return ""
	}
}

func loopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}
