// Package server answers the ConfigService: messages in, registry, messages out. It refuses to decide anything; faults
// become statuses in pkg/rpc. Start at New.
package server

import (
	"context"
	"log/slog"

	"github.com/customer-exports/exports/pkg/obs"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/export"
)

// Server implements configv1.ConfigServiceServer.
type Server struct {
	configv1.UnimplementedConfigServiceServer
	registry *export.Registry
	logger   *slog.Logger
}

// New answers from the registry and logs every change.
func New(registry *export.Registry, logger *slog.Logger) *Server {
	return &Server{registry: registry, logger: logger}
}

// CreateCustomer stores a new customer.
func (s *Server) CreateCustomer(ctx context.Context, q *configv1.CreateCustomerRequest) (*configv1.CreateCustomerResponse, error) {
	c, err := s.registry.CreateCustomer(ctx, q.GetCustomerId(), q.GetDisplayName())
	if err != nil {
		return nil, err
	}
	s.logger.InfoContext(ctx, "customer created", obs.KeyCustomerID, c.GetCustomerId())
	return &configv1.CreateCustomerResponse{Customer: c}, nil
}

// GetCustomer returns one customer.
func (s *Server) GetCustomer(ctx context.Context, q *configv1.GetCustomerRequest) (*configv1.GetCustomerResponse, error) {
	c, err := s.registry.Customer(ctx, q.GetCustomerId())
	if err != nil {
		return nil, err
	}
	return &configv1.GetCustomerResponse{Customer: c}, nil
}

// ListCustomers returns a page of customers.
func (s *Server) ListCustomers(ctx context.Context, q *configv1.ListCustomersRequest) (*configv1.ListCustomersResponse, error) {
	page := export.Page{Size: int(q.GetPageSize()), Token: q.GetPageToken()}
	customers, next, err := s.registry.ListCustomers(ctx, page)
	if err != nil {
		return nil, err
	}
	return &configv1.ListCustomersResponse{Customers: customers, NextPageToken: next}, nil
}

// CreateExport stores an export with its first revision.
func (s *Server) CreateExport(ctx context.Context, q *configv1.CreateExportRequest) (*configv1.CreateExportResponse, error) {
	e, err := s.registry.CreateExport(ctx, export.Draft{
		ExportID: q.GetExportId(), CustomerID: q.GetCustomerId(), Spec: q.GetSpec(), Author: q.GetAuthor(), Reason: q.GetReason(),
	})
	if err != nil {
		return nil, err
	}
	s.log(ctx, "export created", e)
	return &configv1.CreateExportResponse{Export: e}, nil
}

// UpdateExport stores a new revision.
func (s *Server) UpdateExport(ctx context.Context, q *configv1.UpdateExportRequest) (*configv1.UpdateExportResponse, error) {
	e, err := s.registry.UpdateExport(ctx, export.Draft{
		ExportID: q.GetExportId(), Spec: q.GetSpec(), Author: q.GetAuthor(), Reason: q.GetReason(),
	}, q.GetEtag())
	if err != nil {
		return nil, err
	}
	s.log(ctx, "export revised", e)
	return &configv1.UpdateExportResponse{Export: e}, nil
}

// GetExport returns one export with the revision in force.
func (s *Server) GetExport(ctx context.Context, q *configv1.GetExportRequest) (*configv1.GetExportResponse, error) {
	e, err := s.registry.Export(ctx, q.GetExportId())
	if err != nil {
		return nil, err
	}
	return &configv1.GetExportResponse{Export: e}, nil
}

// ListExports returns a page of exports.
func (s *Server) ListExports(ctx context.Context, q *configv1.ListExportsRequest) (*configv1.ListExportsResponse, error) {
	page := export.Page{Size: int(q.GetPageSize()), Token: q.GetPageToken()}
	exports, next, err := s.registry.ListExports(ctx, page, q.GetCustomerId())
	if err != nil {
		return nil, err
	}
	return &configv1.ListExportsResponse{Exports: exports, NextPageToken: next}, nil
}

// GetRevision returns a revision that is or was in force.
func (s *Server) GetRevision(ctx context.Context, q *configv1.GetRevisionRequest) (*configv1.GetRevisionResponse, error) {
	revision, customer, err := s.registry.Revision(ctx, q.GetExportId(), q.GetRevision())
	if err != nil {
		return nil, err
	}
	return &configv1.GetRevisionResponse{Revision: revision, Customer: customer}, nil
}

func (s *Server) log(ctx context.Context, fact string, e *configv1.Export) {
	s.logger.InfoContext(ctx, fact, obs.KeyCustomerID, e.GetCustomerId(), obs.KeyExportID, e.GetExportId(), //nolint:sloglint // both facts are constants at the call
		obs.KeyRevision, e.GetRevision().GetRevision())
}
