package s3bucket

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

// renewable is a credential that can be had anew before its time is over.
type renewable interface{ Invalidate() }

// renewing makes a call again with new credentials when the bucket says that those it came with have expired: its clock
// decides, not ours. A key from a file cannot be renewed.
func renewing(held aws.CredentialsProvider) aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.Retryables = append(o.Retryables, retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
			code, _ := answer(err)
			r, ok := held.(renewable)
			if code != expiredToken || !ok {
				return aws.UnknownTernary
			}
			r.Invalidate()
			return aws.TrueTernary
		}))
	})
}
