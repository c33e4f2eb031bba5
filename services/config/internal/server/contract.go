package server

import (
	"context"

	"github.com/customer-exports/exports/pkg/dictionary"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/contract"
	"github.com/customer-exports/exports/services/config/internal/export"
)

// Contracts implements configv1.ContractServiceServer.
type Contracts struct {
	configv1.UnimplementedContractServiceServer
	Registry *export.Registry
	Words    *dictionary.Dictionary
}

// GetDataContract spells a revision of an export as a data contract.
func (s *Contracts) GetDataContract(ctx context.Context, q *configv1.GetDataContractRequest) (*configv1.GetDataContractResponse, error) {
	revision, customer, err := s.Registry.Agreed(ctx, q.GetExportId(), q.GetRevision())
	if err != nil {
		return nil, err
	}
	text, err := contract.Spell(contract.Agreement{ExportID: q.GetExportId(), Revision: revision, Customer: customer, Words: s.Words})
	if err != nil {
		return nil, err
	}
	return &configv1.GetDataContractResponse{Yaml: text, Revision: revision.GetRevision()}, nil
}
