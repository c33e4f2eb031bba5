// Package peers asks the services that hold what the config service may not: the extractor for names of the source, and
// delivery for the state of a bucket. It refuses to wait long: an operator does. Start at Extractor and Delivery.
package peers

import (
	"context"
	"time"

	commonv1 "github.com/customer-exports/exports/proto/exports/common/v1"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	sourcev1 "github.com/customer-exports/exports/proto/exports/source/v1"
	"github.com/customer-exports/exports/services/config/internal/export"
)

// patience bounds a question to a peer; both answer within 30 s or say why not.
const patience = 35 * time.Second

// Extractor implements export.Source.
type Extractor struct{ Client sourcev1.SourceServiceClient }

// CheckScope asks which names the source does not have as written.
func (e Extractor) CheckScope(ctx context.Context, brands, locations []string) (export.Misfit, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	answer, err := e.Client.CheckScope(ctx, &sourcev1.CheckScopeRequest{Brands: brands, LocationIds: locations})
	if err != nil {
		return export.Misfit{}, err
	}
	return export.Misfit{Brands: answer.GetUnknownBrands(), Locations: answer.GetUnknownLocationIds(), Foreign: answer.GetForeignLocationIds()}, nil
}

// Describe returns the columns that the source has.
func (e Extractor) Describe(ctx context.Context, tables []string) ([]*sourcev1.SourceTable, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	answer, err := e.Client.DescribeTables(ctx, &sourcev1.DescribeTablesRequest{Tables: tables})
	if err != nil {
		return nil, err
	}
	return answer.GetTables(), nil
}

// Delivery implements export.Destinations.
type Delivery struct {
	Client deliveryv1.DestinationServiceClient
}

// CheckDestination has a bucket tried out.
func (d Delivery) CheckDestination(ctx context.Context, exportID string, revision int64) ([]*commonv1.Check, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	answer, err := d.Client.CheckDestination(ctx, &deliveryv1.CheckDestinationRequest{ExportId: exportID, Revision: revision})
	if err != nil {
		return nil, err
	}
	return answer.GetChecks(), nil
}
