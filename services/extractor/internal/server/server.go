// Package server answers the SourceService: messages in, directory or previewer, messages out. It refuses to decide
// anything; faults become statuses in pkg/rpc. Start at New.
package server

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	sourcev1 "github.com/customer-exports/exports/proto/exports/source/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/extractor/internal/lookup"
	"github.com/customer-exports/exports/services/extractor/internal/peers"
	"github.com/customer-exports/exports/services/extractor/internal/work"
)

// Server implements sourcev1.SourceServiceServer.
type Server struct {
	sourcev1.UnimplementedSourceServiceServer
	directory *lookup.Directory
	previewer Previewer
}

// Previewer previews runs.
type Previewer interface {
	// Preview counts what a run would read; the zero time means the source's now.
	Preview(ctx context.Context, run *taskv1.RunRef, asOf time.Time) (*work.Preview, error)
}

// New answers from the directory and the previewer.
func New(directory *lookup.Directory, previewer Previewer) *Server {
	return &Server{directory: directory, previewer: previewer}
}

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

// PreviewRun counts what a run would read, and tells its statements.
func (s *Server) PreviewRun(ctx context.Context, q *sourcev1.PreviewRunRequest) (*sourcev1.PreviewRunResponse, error) {
	var asOf time.Time
	if q.GetAsOfTime() != nil {
		asOf = q.GetAsOfTime().AsTime()
	}
	run := &taskv1.RunRef{CustomerId: q.GetCustomerId(), ExportId: q.GetExportId(), Revision: q.GetRevision()}
	preview, err := s.previewer.Preview(ctx, run, asOf)
	if err != nil {
		return nil, err
	}
	answer := &sourcev1.PreviewRunResponse{AsOfTime: timestamppb.New(preview.AsOf), MeasureSql: preview.MeasureText}
	var names []string
	for _, table := range preview.Tables {
		names = append(names, table.Table)
		answer.Tables = append(answer.Tables, &sourcev1.TablePreview{ExtractSql: table.ExtractText, ExtractRangeSql: table.RangeText})
	}
	for i, measurement := range peers.Measurements(names, preview.Counts) {
		answer.Tables[i].Measurement = measurement
	}
	return answer, nil
}

func message(table lookup.Table) *sourcev1.SourceTable {
	m := &sourcev1.SourceTable{Table: table.Name}
	for _, column := range table.Columns {
		m.Columns = append(m.Columns, &sourcev1.SourceColumn{Column: column.Name, Type: column.Type, Nullable: column.Nullable})
	}
	return m
}
