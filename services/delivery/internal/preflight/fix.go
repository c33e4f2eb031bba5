package preflight

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
)

// Fixes that do not depend on the destination. Each says who can do it.
const (
	tryAgain  = "try again; if it lasts, the operator checks the network and the settings s3.sts_endpoint and s3.sts_region"
	storeFix  = "the operator agrees on another destination: the store does not behave as S3 does, ask whoever runs it"
	ownKeyFix = "the operator renews delivery's own credentials (settings s3.access_key_file and s3.secret_key_file, or the identity of its pod)"
)

func passed(format string, args ...any) Check {
	return Check{Outcome: Passed, Message: fmt.Sprintf(format, args...)}
}

func skipped(format string, args ...any) Check {
	return Check{Outcome: Skipped, Message: fmt.Sprintf(format, args...)}
}

// fails reports what we say of an error ourselves, never a driver's text.
func fails(err error, fix string) Check {
	message := "internal error"
	if f, ok := fault.Of(err); ok {
		message = f.Message
	}
	return Check{Outcome: Failed, Message: message, Fix: fix}
}

// refused reports an error of a call to a bucket that was let in before: a denial is a missing right
// now, no foreign owner.
func refused(doing string, err error, fix string) Check {
	if fault.ReasonOf(err) == fault.ReasonBucketOwnerMismatch {
		return Check{Outcome: Failed, Message: doing + " is denied", Fix: fix}
	}
	return fails(err, fix)
}

// common answers for causes that are nothing to do with the right in question.
func common(err error) (fix string, ok bool) {
	switch {
	case fault.ReasonOf(err) == fault.ReasonBucketDenied:
		return ownKeyFix, true
	case fault.Retryable(err):
		return tryAgain, true
	}
	return "", false
}

// trustFix is for a role that does not let us in.
func (p *probe) trustFix(err error) string {
	if fix, ok := common(err); ok {
		return fix
	}
	return fmt.Sprintf("the customer, in account %s: make role %s, and let the principal that we named assume it with the condition %s",
		p.d.Owner, p.d.Role, p.condition())
}

// conditionFix is for a role that lets anybody in who knows its name.
func (p *probe) conditionFix() string {
	return fmt.Sprintf("the customer, in account %s: add to the statement in the trust policy of %s that allows sts:AssumeRole: %s", p.d.Owner, p.d.Role, p.condition())
}

// condition holds the customer's external id. It is no secret: it only helps whose role it is.
func (p *probe) condition() string {
	return fmt.Sprintf(`"Condition": {"StringEquals": {"sts:ExternalId": %q}}`, p.d.ExternalID)
}

func (p *probe) ownerFix(err error) string {
	if fix, ok := common(err); ok {
		return fix
	}
	if fault.KindOf(err) == fault.Denied {
		return fmt.Sprintf("the operator asks which account owns bucket %s and corrects expected_bucket_owner; if %s is right, %s", p.d.Bucket, p.d.Owner, p.grant(p.listRight()))
	}
	return fmt.Sprintf("the operator corrects bucket, region or endpoint of the destination; or the customer makes bucket %s in region %s", p.d.Bucket, p.d.Region)
}

func (p *probe) writeFix(err error) string {
	if fix, ok := common(err); ok {
		return fix
	}
	if fault.ReasonOf(err) == fault.ReasonBucketKeyRefused {
		return p.keyFix()
	}
	actions := []string{"s3:PutObject"}
	if p.d.OwnerACL {
		actions = append(actions, "s3:PutObjectAcl")
	}
	fix := p.grant(append(p.keyRight("kms:GenerateDataKey", "kms:Decrypt"), p.objects(actions...))...)
	if fault.KindOf(err) != fault.Denied && p.d.OwnerACL {
		fix = "the operator takes object_acl out of the destination if the bucket has ACLs disabled; else " + fix
	}
	return fix
}

func (p *probe) keyFix() string {
	return fmt.Sprintf("the customer, in account %s: make sure that key %s is there, enabled and in region %s, and that its key policy lets the role use it; "+
		"or the operator corrects kms_key_arn to the full ARN of the key", p.d.Owner, p.d.KMSKey, p.d.Region)
}

func (p *probe) listFix(err error) string {
	if fix, ok := common(err); ok {
		return fix
	}
	return p.grant(p.listRight(), p.whole("s3:ListBucketMultipartUploads"))
}

func (p *probe) readFix(err error) string {
	if fix, ok := common(err); ok {
		return fix
	}
	return p.grant(append(p.keyRight("kms:Decrypt"), p.objects("s3:GetObject"))...)
}

func (p *probe) deleteFix(err error) string {
	if fix, ok := common(err); ok {
		return fix
	}
	return p.grant(p.objects("s3:DeleteObject", "s3:AbortMultipartUpload")) + "; without it drops cannot be deleted when their retention ends, nor what a failed run leaves"
}

// right is one statement of a policy.
type right struct {
	Effect    string
	Action    []string
	Resource  string
	Condition map[string]map[string]string `json:",omitempty"`
}

func (p *probe) objects(actions ...string) right {
	return right{Effect: "Allow", Action: actions, Resource: p.arn() + "/" + drop.Prefix + "*"}
}

func (p *probe) whole(actions ...string) right {
	return right{Effect: "Allow", Action: actions, Resource: p.arn()}
}

func (p *probe) listRight() right {
	list := p.whole("s3:ListBucket")
	list.Condition = map[string]map[string]string{"StringLike": {"s3:prefix": drop.Prefix + "*"}}
	return list
}

func (p *probe) keyRight(actions ...string) []right {
	if p.d.KMSKey == "" {
		return nil
	}
	return []right{{Effect: "Allow", Action: actions, Resource: p.d.KMSKey}}
}

// arn is the bucket's, in the partition of the role.
func (p *probe) arn() string {
	partition := "aws"
	if fields := strings.Split(p.d.Role, ":"); len(fields) > 1 {
		partition = fields[1]
	}
	return "arn:" + partition + ":s3:::" + p.d.Bucket
}

// grant asks for rights in words that can be sent to the customer.
func (p *probe) grant(rights ...right) string {
	text, err := json.Marshal(rights)
	if err != nil {
		panic(err) // strings always encode
	}
	if p.d.Role == "" {
		return fmt.Sprintf("the customer, in account %s: add to the policy of bucket %s for the principal that we named: %s", p.d.Owner, p.d.Bucket, text)
	}
	return fmt.Sprintf("the customer, in account %s: add to the permissions of role %s, and take away what denies it: %s", p.d.Owner, p.d.Role, text)
}
