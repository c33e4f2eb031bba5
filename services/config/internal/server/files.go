package server

import (
	"context"

	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/export"
	"github.com/customer-exports/exports/services/config/internal/file"
)

// ApplyExport brings an export to say what a file says.
func (s *Config) ApplyExport(ctx context.Context, q *configv1.ApplyExportRequest) (*configv1.ApplyExportResponse, error) {
	document, err := file.Parse(q.GetYaml())
	if err != nil {
		return nil, err
	}
	f := document.Export
	d := export.Draft{ExportID: f.GetExportId(), CustomerID: f.GetCustomerId(), Spec: f.GetSpec(), By: by(q)}
	a, err := s.Registry.Apply(ctx, d, q.GetEtag(), q.GetDryRun())
	if err != nil {
		return nil, document.Locate(err)
	}
	text, err := unified(a.Before, a.After, "agreed", "file")
	if err != nil {
		return nil, err
	}
	return &configv1.ApplyExportResponse{Outcome: a.Outcome, Export: a.Export, Changes: a.Changes, Diff: text, ApprovalCauses: a.Causes}, nil
}

// ExportAsYaml returns the file that says what is agreed.
func (s *Config) ExportAsYaml(ctx context.Context, q *configv1.ExportAsYamlRequest) (*configv1.ExportAsYamlResponse, error) {
	revision, customerID, err := s.Registry.Newest(ctx, q.GetExportId())
	if err != nil {
		return nil, err
	}
	text, err := file.Format(&configv1.ExportFile{ExportId: q.GetExportId(), CustomerId: customerID, Spec: revision.GetSpec()})
	if err != nil {
		return nil, err
	}
	return &configv1.ExportAsYamlResponse{Yaml: text, Revision: revision.GetRevision()}, nil
}
