package export

import (
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

// checkDestination reports whether the bucket's name is one.
func checkDestination(f *faults, d *configv1.Destination) bool {
	problem := bucketFault(d.GetBucket())
	f.text("spec.destination.bucket", problem)
	if !regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`).MatchString(d.GetRegion()) {
		f.text("spec.destination.region", "is not a region such as us-east-1")
	}
	f.text("spec.destination.endpoint", endpointFault(d.GetEndpoint()))
	if !regexp.MustCompile(`^[0-9]{12}$`).MatchString(d.GetExpectedBucketOwner()) {
		f.text("spec.destination.expected_bucket_owner", "is not a 12-digit account id")
	}
	return problem == ""
}

// bucketFault follows the naming rules of S3 general purpose buckets.
func bucketFault(name string) string {
	_, addressErr := netip.ParseAddr(name)
	switch {
	case !regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`).MatchString(name):
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
