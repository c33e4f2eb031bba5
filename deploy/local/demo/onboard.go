package demo

import (
	"context"
	"fmt"

	"google.golang.org/grpc"

	commonv1 "github.com/customer-exports/exports/proto/exports/common/v1"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"

	"github.com/customer-exports/exports/deploy/local/objectstore"
	"github.com/customer-exports/exports/deploy/local/stack"
)

// Engagement is one customer's agreed export.
type Engagement struct {
	CustomerID, Name string
	Brands           []string
	Locations        []string
	Tables           []string
	FileFormat       configv1.FileFormat // unset: Parquet
	Compression      configv1.Compression
	CSV              *configv1.CsvOptions // of that format
	ByRole           bool                 // the customer grants a role, and nothing to our own keys
	Shared           bool                 // other customers may have the locations too
}

// ExportID is the id of the engagement's one export.
func (e Engagement) ExportID() string { return e.CustomerID + "-daily" }

// Bucket is the customer's own bucket.
func (e Engagement) Bucket() string { return e.CustomerID + "-data" }

// Spec is the specification that an operator would send, for the destination that the customer made.
func (e Engagement) Spec(d *configv1.Destination, timeOfDay, startDate string) *configv1.ExportSpec {
	spec := &configv1.ExportSpec{
		Scope:     &commonv1.Scope{Brands: e.Brands, LocationIds: e.Locations},
		Format:    &configv1.Format{FileFormat: e.FileFormat, Compression: e.Compression, Csv: e.CSV},
		Schedule:  &configv1.Schedule{TimeOfDay: timeOfDay, TimeZone: "UTC"},
		StartDate: startDate, Destination: d,
	}
	if e.Shared {
		spec.SharedLocationIds = e.Locations
	}
	for _, table := range e.Tables {
		spec.Tables = append(spec.Tables, &configv1.TableSelection{Table: table})
	}
	return spec
}

// The two people of the demo: what moves data needs both.
const (
	author   = "ann@localhost"
	approver = "ben@localhost"
)

// Operator is what onboarding needs of the config service.
type Operator struct {
	Config    configv1.ConfigServiceClient
	Revisions configv1.RevisionServiceClient
}

// OperatorOn speaks to the config service over a connection.
func OperatorOn(conn grpc.ClientConnInterface) Operator {
	return Operator{Config: configv1.NewConfigServiceClient(conn), Revisions: configv1.NewRevisionServiceClient(conn)}
}

// Onboard does what both sides do at the start of an engagement: we create the customer, the customer makes bucket and
// role, we create the export, and a second person approves it once the bucket was tried out.
func Onboard(ctx context.Context, s *stack.Stack, o Operator, e Engagement, timeOfDay, startDate string) error {
	created, err := o.Config.CreateCustomer(ctx, &configv1.CreateCustomerRequest{
		CustomerId: e.CustomerID, DisplayName: e.Name, Author: author, Reason: "onboarding",
	})
	if err != nil {
		return fmt.Errorf("creating customer %s: %w", e.CustomerID, err)
	}
	destination, err := e.prepare(ctx, s, created.GetCustomer().GetExternalId())
	if err != nil {
		return fmt.Errorf("making the bucket of %s: %w", e.CustomerID, err)
	}
	export, err := o.Config.CreateExport(ctx, &configv1.CreateExportRequest{
		ExportId: e.ExportID(), CustomerId: e.CustomerID, Spec: e.Spec(destination, timeOfDay, startDate), Author: author, Reason: "onboarding",
	})
	if err != nil {
		return fmt.Errorf("creating export %s: %w", e.ExportID(), err)
	}
	_, err = o.Revisions.ApproveRevision(ctx, &configv1.ApproveRevisionRequest{
		ExportId: e.ExportID(), Revision: export.GetExport().GetPendingRevision().GetRevision(), Approver: approver, Reason: "as agreed",
	})
	if err != nil {
		return fmt.Errorf("approving export %s: %w", e.ExportID(), err)
	}
	return nil
}

// prepare is the customer's part.
func (e Engagement) prepare(ctx context.Context, s *stack.Stack, externalID string) (*configv1.Destination, error) {
	if e.ByRole {
		return s.CreateDestination(ctx, e.Bucket(), externalID)
	}
	grants := []objectstore.Grant{{AccessKey: stack.WriterKey, Write: true}, {AccessKey: stack.ReaderKey}}
	if err := s.S3.CreateBucket(ctx, e.Bucket(), grants); err != nil {
		return nil, err
	}
	return &configv1.Destination{Bucket: e.Bucket(), Region: objectstore.Region, Endpoint: s.S3.Endpoint(), ExpectedBucketOwner: stack.BucketOwner}, nil
}

// Practice leaves what the operator's handbook needs beside the demo's customers: the bucket acme-data, and the role
// acme-exports whose maker forgot to ask for the external id.
func Practice(ctx context.Context, s *stack.Stack) error {
	forgetful := objectstore.Role{ARN: "arn:aws:iam::" + stack.BucketOwner + ":role/acme-exports"}
	if err := s.S3.CreateRole(forgetful); err != nil {
		return fmt.Errorf("making role %s: %w", forgetful.ARN, err)
	}
	grants := []objectstore.Grant{{AccessKey: stack.WriterKey, Write: true}, {AccessKey: stack.ReaderKey}, {RoleARN: forgetful.ARN, Write: true}}
	if err := s.S3.CreateBucket(ctx, "acme-data", grants); err != nil {
		return fmt.Errorf("making bucket acme-data: %w", err)
	}
	return nil
}
