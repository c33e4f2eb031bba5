package server

import (
	"context"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	sourcev1 "github.com/customer-exports/exports/proto/exports/source/v1"
	"github.com/customer-exports/exports/services/config/internal/drift"
)

// Describer says which columns the source has.
type Describer interface {
	Describe(ctx context.Context, tables []string) ([]*sourcev1.SourceTable, error)
}

// Dictionary implements configv1.DictionaryServiceServer.
type Dictionary struct {
	configv1.UnimplementedDictionaryServiceServer
	Words  *dictionary.Dictionary
	Source Describer
}

// ListTables returns all tables without their columns.
func (s *Dictionary) ListTables(context.Context, *configv1.ListTablesRequest) (*configv1.ListTablesResponse, error) {
	answer := &configv1.ListTablesResponse{Version: s.Words.Version}
	for i := range s.Words.Tables {
		answer.Tables = append(answer.Tables, tableOf(&s.Words.Tables[i]))
	}
	return answer, nil
}

// GetTable returns a table with its columns.
func (s *Dictionary) GetTable(_ context.Context, q *configv1.GetTableRequest) (*configv1.GetTableResponse, error) {
	t, err := s.table(q.GetTable())
	if err != nil {
		return nil, err
	}
	full := tableOf(t)
	for _, c := range t.Columns {
		full.Columns = append(full.Columns, &configv1.Column{
			Column: c.Name, Type: c.Type.String(), Nullable: c.Nullable, Personal: c.Personal, Definition: c.Definition,
		})
	}
	return &configv1.GetTableResponse{Table: full}, nil
}

func (s *Dictionary) table(name string) (*dictionary.Table, error) {
	t, known := s.Words.Table(name)
	if !known {
		return nil, fault.New(fault.NotFound, fault.ReasonUnknownTable, "the Data Dictionary has no table %q: ListTables names them", name)
	}
	return t, nil
}

// CheckDictionary compares tables with the source.
func (s *Dictionary) CheckDictionary(ctx context.Context, q *configv1.CheckDictionaryRequest) (*configv1.CheckDictionaryResponse, error) {
	tables := s.Words.Tables
	if len(q.GetTables()) > 0 {
		tables = nil
	}
	for _, name := range q.GetTables() {
		t, err := s.table(name)
		if err != nil {
			return nil, err
		}
		tables = append(tables, *t)
	}
	names := make([]string, len(tables))
	for i := range tables {
		names[i] = tables[i].Name
	}
	found, err := s.Source.Describe(ctx, names)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, fault.ReasonOf(err), "the source cannot be asked for its columns (%s): try again", fault.ReasonOf(err))
	}
	checks := drift.Check(tables, found)
	return &configv1.CheckDictionaryResponse{Agrees: drift.Agrees(checks), Tables: checks}, nil
}

func tableOf(t *dictionary.Table) *configv1.Table {
	return &configv1.Table{
		Table: t.Name, Definition: t.Definition, PrimaryKey: t.PrimaryKey, SplitColumn: t.Split, ScopeRule: ruleOf(t.Scope),
		ColumnCount: int32(len(t.Columns)), //nolint:gosec // a table has at most a few thousand columns
	}
}

func ruleOf(r dictionary.ScopeRule) *configv1.ScopeRule {
	switch {
	case r.Shared:
		return &configv1.ScopeRule{Rule: &configv1.ScopeRule_Shared{Shared: true}}
	case r.Parent != nil:
		return &configv1.ScopeRule{Rule: &configv1.ScopeRule_Parent{Parent: &configv1.ParentScope{Table: r.Parent.Table, Columns: r.Parent.Columns}}}
	default:
		return &configv1.ScopeRule{Rule: &configv1.ScopeRule_Direct{Direct: &configv1.DirectScope{BrandColumn: r.Brand, LocationColumn: r.Location}}}
	}
}
