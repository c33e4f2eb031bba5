// Package server answers the SourceService: messages in, directory, messages out. It refuses to decide
// anything; faults become statuses in pkg/rpc. Start at New.
package server

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	sourcev1 "github.com/customer-exports/exports/proto/exports/source/v1"
	"github.com/customer-exports/exports/services/extractor/internal/lookup"
)

// Server implements sourcev1.SourceServiceServer.
type Server struct {
	sourcev1.UnimplementedSourceServiceServer
	directory *lookup.Directory
}

// New answers from the directory.
func New(directory *lookup.Directory) *Server { return &Server{directory: directory} }

// CheckScope says which names of a scope do not fit.
func (s *Server) CheckScope(ctx context.Context, q *sourcev1.CheckScopeRequest) (*sourcev1.CheckScopeResponse, error) {
	misfits, err := s.directory.Scope(ctx, q.GetBrands(), q.GetLocationIds())
	if err != nil {
		return nil, err
	}
	return &sourcev1.CheckScopeResponse{
		UnknownBrands: misfits.UnknownBrands, UnknownLocationIds: misfits.UnknownLocations, ForeignLocationIds: misfits.ForeignLocations,
	}, nil
}

// DescribeTables returns the columns that the source has.
func (s *Server) DescribeTables(ctx context.Context, q *sourcev1.DescribeTablesRequest) (*sourcev1.DescribeTablesResponse, error) {
	tables, err := s.directory.Tables(ctx, q.GetTables())
	if err != nil {
		return nil, err
	}
	answer := &sourcev1.DescribeTablesResponse{}
	for _, table := range tables {
		answer.Tables = append(answer.Tables, message(table))
	}
	return answer, nil
}

// EarliestAsOf returns the first instant at which all of the tables can be read.
func (s *Server) EarliestAsOf(ctx context.Context, q *sourcev1.EarliestAsOfRequest) (*sourcev1.EarliestAsOfResponse, error) {
	earliest, err := s.directory.Earliest(ctx, q.GetTables())
	if err != nil {
		return nil, err
	}
	return &sourcev1.EarliestAsOfResponse{EarliestTime: timestamppb.New(earliest)}, nil
}

func message(table lookup.Table) *sourcev1.SourceTable {
	m := &sourcev1.SourceTable{Table: table.Name}
	for _, column := range table.Columns {
		m.Columns = append(m.Columns, &sourcev1.SourceColumn{Column: column.Name, Type: column.Type, Nullable: column.Nullable})
	}
	return m
}
