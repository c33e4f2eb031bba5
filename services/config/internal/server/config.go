package server

import (
	"context"

	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/export"
)

// Config implements configv1.ConfigServiceServer.
type Config struct {
	configv1.UnimplementedConfigServiceServer
	Registry *export.Registry
}

// asked is what every request that changes something says.
type asked interface {
	GetAuthor() string
	GetReason() string
}

func by(q asked) export.By { return export.By{Author: q.GetAuthor(), Reason: q.GetReason()} }

// CreateCustomer stores a new customer.
func (s *Config) CreateCustomer(ctx context.Context, q *configv1.CreateCustomerRequest) (*configv1.CreateCustomerResponse, error) {
	c := &configv1.Customer{CustomerId: q.GetCustomerId(), DisplayName: q.GetDisplayName(), Contacts: q.GetContacts()}
	c, err := s.Registry.CreateCustomer(ctx, c, by(q))
	if err != nil {
		return nil, err
	}
	return &configv1.CreateCustomerResponse{Customer: c}, nil
}

// GetCustomer returns one customer.
func (s *Config) GetCustomer(ctx context.Context, q *configv1.GetCustomerRequest) (*configv1.GetCustomerResponse, error) {
	c, err := s.Registry.Customer(ctx, q.GetCustomerId())
	if err != nil {
		return nil, err
	}
	return &configv1.GetCustomerResponse{Customer: c}, nil
}

// ListCustomers returns a page of customers.
func (s *Config) ListCustomers(ctx context.Context, q *configv1.ListCustomersRequest) (*configv1.ListCustomersResponse, error) {
	customers, next, err := s.Registry.ListCustomers(ctx, page(q), q.GetState())
	if err != nil {
		return nil, err
	}
	return &configv1.ListCustomersResponse{Customers: customers, NextPageToken: next}, nil
}

// UpdateCustomer changes name and contacts.
func (s *Config) UpdateCustomer(ctx context.Context, q *configv1.UpdateCustomerRequest) (*configv1.UpdateCustomerResponse, error) {
	c := &configv1.Customer{CustomerId: q.GetCustomerId(), DisplayName: q.GetDisplayName(), Contacts: q.GetContacts(), Etag: q.GetEtag()}
	c, err := s.Registry.UpdateCustomer(ctx, c, q.GetUpdateMask(), by(q))
	if err != nil {
		return nil, err
	}
	return &configv1.UpdateCustomerResponse{Customer: c}, nil
}

// ArchiveCustomer ends a customer.
func (s *Config) ArchiveCustomer(ctx context.Context, q *configv1.ArchiveCustomerRequest) (*configv1.ArchiveCustomerResponse, error) {
	c, err := s.Registry.ArchiveCustomer(ctx, q.GetCustomerId(), q.GetEtag(), by(q))
	if err != nil {
		return nil, err
	}
	return &configv1.ArchiveCustomerResponse{Customer: c}, nil
}

// CreateExport stores an export with its first revision.
func (s *Config) CreateExport(ctx context.Context, q *configv1.CreateExportRequest) (*configv1.CreateExportResponse, error) {
	e, err := s.Registry.CreateExport(ctx, export.Draft{ExportID: q.GetExportId(), CustomerID: q.GetCustomerId(), Spec: q.GetSpec(), By: by(q)})
	if err != nil {
		return nil, err
	}
	return &configv1.CreateExportResponse{Export: e}, nil
}

// UpdateExport stores a new revision.
func (s *Config) UpdateExport(ctx context.Context, q *configv1.UpdateExportRequest) (*configv1.UpdateExportResponse, error) {
	d := export.Draft{ExportID: q.GetExportId(), Spec: q.GetSpec(), Mask: q.GetUpdateMask(), By: by(q)}
	e, err := s.Registry.UpdateExport(ctx, d, q.GetEtag())
	if err != nil {
		return nil, err
	}
	return &configv1.UpdateExportResponse{Export: e}, nil
}

// PauseExport stores a revision that is paused.
func (s *Config) PauseExport(ctx context.Context, q *configv1.PauseExportRequest) (*configv1.PauseExportResponse, error) {
	e, err := s.Registry.Pause(ctx, q.GetExportId(), q.GetEtag(), by(q))
	if err != nil {
		return nil, err
	}
	return &configv1.PauseExportResponse{Export: e}, nil
}

// ResumeExport stores a revision that is not paused.
func (s *Config) ResumeExport(ctx context.Context, q *configv1.ResumeExportRequest) (*configv1.ResumeExportResponse, error) {
	e, err := s.Registry.Resume(ctx, q.GetExportId(), q.GetEtag(), by(q))
	if err != nil {
		return nil, err
	}
	return &configv1.ResumeExportResponse{Export: e}, nil
}

// ArchiveExport ends an export.
func (s *Config) ArchiveExport(ctx context.Context, q *configv1.ArchiveExportRequest) (*configv1.ArchiveExportResponse, error) {
	e, err := s.Registry.Archive(ctx, q.GetExportId(), q.GetEtag(), by(q))
	if err != nil {
		return nil, err
	}
	return &configv1.ArchiveExportResponse{Export: e}, nil
}

// GetExport returns one export.
func (s *Config) GetExport(ctx context.Context, q *configv1.GetExportRequest) (*configv1.GetExportResponse, error) {
	e, err := s.Registry.Export(ctx, q.GetExportId())
	if err != nil {
		return nil, err
	}
	return &configv1.GetExportResponse{Export: e}, nil
}

// ListExports returns a page of exports.
func (s *Config) ListExports(ctx context.Context, q *configv1.ListExportsRequest) (*configv1.ListExportsResponse, error) {
	f := export.Filter{CustomerID: q.GetCustomerId(), State: q.GetState(), Pending: q.GetPending(), Table: q.GetTable()}
	exports, next, err := s.Registry.ListExports(ctx, page(q), f)
	if err != nil {
		return nil, err
	}
	return &configv1.ListExportsResponse{Exports: exports, NextPageToken: next}, nil
}

// GetRevision returns a revision with the customer it is for.
func (s *Config) GetRevision(ctx context.Context, q *configv1.GetRevisionRequest) (*configv1.GetRevisionResponse, error) {
	revision, customer, err := s.Registry.Revision(ctx, q.GetExportId(), q.GetRevision(), q.GetIncludeUnapproved())
	if err != nil {
		return nil, err
	}
	return &configv1.GetRevisionResponse{Revision: revision, Customer: customer}, nil
}

// paged is a request for a list.
type paged interface {
	GetPageSize() int32
	GetPageToken() string
}

func page(q paged) export.Page {
	return export.Page{Size: int(q.GetPageSize()), Token: q.GetPageToken()}
}
