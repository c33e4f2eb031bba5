package demo

import (
	"context"
	"fmt"

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
	Compression      configv1.Compression
}

// ExportID is the id of the engagement's one export.
func (e Engagement) ExportID() string { return e.CustomerID + "-daily" }

// Bucket is the customer's own bucket.
func (e Engagement) Bucket() string { return e.CustomerID + "-data" }

// Spec is the specification that an operator would send.
func (e Engagement) Spec(s *stack.Stack, timeOfDay, startDate string) *configv1.ExportSpec {
	spec := &configv1.ExportSpec{
		Scope:     &commonv1.Scope{Brands: e.Brands, LocationIds: e.Locations},
		Format:    &configv1.Format{FileFormat: configv1.FileFormat_FILE_FORMAT_PARQUET, Compression: e.Compression},
		Schedule:  &configv1.Schedule{TimeOfDay: timeOfDay, TimeZone: "UTC"},
		StartDate: startDate,
		Destination: &configv1.Destination{
			Bucket: e.Bucket(), Region: "us-east-1", Endpoint: s.S3.Endpoint(), ExpectedBucketOwner: stack.BucketOwner,
		},
	}
	for _, table := range e.Tables {
		spec.Tables = append(spec.Tables, &configv1.TableSelection{Table: table})
	}
	return spec
}

// Onboard makes the customer's bucket and stores customer and export, as an
// operator does at the start of an engagement.
func Onboard(ctx context.Context, s *stack.Stack, configs configv1.ConfigServiceClient, e Engagement, timeOfDay, startDate string) error {
	grants := []objectstore.Grant{{AccessKey: stack.WriterKey, Write: true}, {AccessKey: stack.ReaderKey}}
	if err := s.S3.CreateBucket(ctx, e.Bucket(), grants); err != nil {
		return fmt.Errorf("making bucket %s: %w", e.Bucket(), err)
	}
	_, err := configs.CreateCustomer(ctx, &configv1.CreateCustomerRequest{CustomerId: e.CustomerID, DisplayName: e.Name})
	if err != nil {
		return fmt.Errorf("creating customer %s: %w", e.CustomerID, err)
	}
	_, err = configs.CreateExport(ctx, &configv1.CreateExportRequest{
		ExportId: e.ExportID(), CustomerId: e.CustomerID, Spec: e.Spec(s, timeOfDay, startDate),
		Author: "operator@localhost", Reason: "onboarding",
	})
	if err != nil {
		return fmt.Errorf("creating export %s: %w", e.ExportID(), err)
	}
	return nil
}
