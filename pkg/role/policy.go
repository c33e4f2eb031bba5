package role

import (
	"encoding/json"
	"strings"

	"github.com/customer-exports/exports/pkg/drop"
)

type statement struct {
	Effect    string
	Action    []string
	Resource  string
	Condition map[string]map[string]string `json:",omitempty"`
}

// policy is what a session may do at most. It allows nothing that the role does not.
func policy(t Target, access Access) string {
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements(t, access)})
	if err != nil {
		panic(err) // maps and slices of strings always encode
	}
	return string(text)
}

func statements(t Target, access Access) []statement {
	whole := "arn:" + partition(t.ARN) + ":s3:::" + t.Bucket
	objects, key := []string{"s3:GetObject"}, []string{"kms:Decrypt"}
	if access == Write {
		objects = append(objects, "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload")
		key = append(key, "kms:GenerateDataKey")
	}
	if access == Write && t.OwnerACL {
		objects = append(objects, "s3:PutObjectAcl")
	}
	// S3 judges by this condition too whether to say that an object is not there.
	below := map[string]map[string]string{"StringLike": {"s3:prefix": drop.Prefix + "*"}}
	list := []statement{
		{Effect: "Allow", Action: objects, Resource: whole + "/" + drop.Prefix + "*"},
		{Effect: "Allow", Action: []string{"s3:ListBucket"}, Resource: whole, Condition: below},
		encryption(t, key),
	}
	if access == Write {
		list = append(list, statement{Effect: "Allow", Action: []string{"s3:ListBucketMultipartUploads"}, Resource: whole})
	}
	return list
}

// encryption lets S3 use the bucket's key on the session's behalf, and the session itself never.
func encryption(t Target, actions []string) statement {
	service := "s3." + t.Region + ".amazonaws.com"
	if partition(t.ARN) == "aws-cn" {
		service += ".cn"
	}
	resource := t.KMSKey
	if resource == "" {
		resource = "*"
	}
	return statement{Effect: "Allow", Action: actions, Resource: resource, Condition: map[string]map[string]string{"StringEquals": {"kms:ViaService": service}}}
}

// partition is the second field of an ARN, such as aws or aws-cn.
func partition(arn string) string {
	if fields := strings.Split(arn, ":"); len(fields) > 1 && fields[1] != "" {
		return fields[1]
	}
	return "aws"
}
