// Package peers speaks to the other services over gRPC, in the words that internal/work asks for. It
// makes no decisions and gives every unary call a deadline. Start at Config, Planner and Delivery.
package peers

import (
	"context"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	"github.com/customer-exports/exports/services/extractor/internal/source"
	"github.com/customer-exports/exports/services/extractor/internal/stream"
	"github.com/customer-exports/exports/services/extractor/internal/work"
)

// answerWithin bounds every unary call.
const answerWithin = 30 * time.Second

// Config reads revisions from the config service.
type Config struct{ client configv1.ConfigServiceClient }

// NewConfig returns a reader of revisions.
func NewConfig(conn grpc.ClientConnInterface) *Config {
	return &Config{client: configv1.NewConfigServiceClient(conn)}
}

// Revision is part of work.Revisions.
func (c *Config) Revision(ctx context.Context, exportID string, revision int64) (*configv1.Revision, string, error) {
	return c.revision(ctx, &configv1.GetRevisionRequest{ExportId: exportID, Revision: revision})
}

// AnyRevision is part of work.Revisions.
func (c *Config) AnyRevision(ctx context.Context, exportID string, revision int64) (*configv1.Revision, string, error) {
	return c.revision(ctx, &configv1.GetRevisionRequest{ExportId: exportID, Revision: revision, IncludeUnapproved: true})
}

func (c *Config) revision(ctx context.Context, q *configv1.GetRevisionRequest) (*configv1.Revision, string, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	answer, err := c.client.GetRevision(ctx, q)
	if err != nil {
		return nil, "", err
	}
	return answer.GetRevision(), answer.GetCustomer().GetCustomerId(), nil
}

// Planner reports to the planner.
type Planner struct{ client planv1.ReportServiceClient }

// NewPlanner returns a reporter.
func NewPlanner(conn grpc.ClientConnInterface) *Planner {
	return &Planner{client: planv1.NewReportServiceClient(conn)}
}

// Measured is part of work.Planner.
func (p *Planner) Measured(ctx context.Context, runID string, tables []string, counts []source.Count) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	_, err := p.client.ReportMeasurement(ctx, &planv1.ReportMeasurementRequest{RunId: runID, Tables: Measurements(tables, counts)})
	return err
}

// Measurements are the counts of all tables, in their order. A table without rows gets an entry without counts.
func Measurements(tables []string, counts []source.Count) []*planv1.TableMeasurement {
	list := make([]*planv1.TableMeasurement, 0, len(tables))
	entries := make(map[string]*planv1.TableMeasurement, len(tables))
	for _, table := range tables {
		entries[table] = &planv1.TableMeasurement{Table: table}
		list = append(list, entries[table])
	}
	for _, count := range counts {
		entry := entries[count.Table]
		entry.Counts = append(entry.Counts, &planv1.SplitCount{SplitDate: count.SplitDate, RowCount: count.Rows})
	}
	return list
}

// Received is part of work.Planner.
func (p *Planner) Received(ctx context.Context, runID string, attempt int, receipt *deliveryv1.Receipt) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	answer, err := p.client.ReportPart(ctx, &planv1.ReportPartRequest{
		RunId: runID, Attempt: int32(attempt), Receipt: receipt, //nolint:gosec // deliveries are counted in tens
	})
	return answer.GetAccepted(), err
}

// Failed is part of work.Planner.
func (p *Planner) Failed(ctx context.Context, runID string, failure work.Failure) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	report := &planv1.Failure{
		TaskId: failure.TaskID, Table: failure.Table, Reason: failure.Reason, Message: failure.Message,
		Attempt:  int32(failure.Attempt), //nolint:gosec // deliveries are counted in tens
		FailTime: timestamppb.New(failure.Time), WillRetry: failure.WillRetry,
	}
	if !failure.Earliest.IsZero() {
		report.EarliestAsOfTime = timestamppb.New(failure.Earliest)
	}
	_, err := p.client.ReportFailure(ctx, &planv1.ReportFailureRequest{RunId: runID, Failure: report})
	return err
}

// Wanted is work.Runs.
func (p *Planner) Wanted(ctx context.Context, runID string) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	_, err := p.client.CheckRun(ctx, &planv1.CheckRunRequest{RunId: runID})
	return err
}

// Delivery opens uploads at the delivery service.
type Delivery struct{ client deliveryv1.PartServiceClient }

// NewDelivery returns an opener of uploads.
func NewDelivery(conn grpc.ClientConnInterface) *Delivery {
	return &Delivery{client: deliveryv1.NewPartServiceClient(conn)}
}

// Open is part of work.Delivery.
func (d *Delivery) Open(ctx context.Context, header *deliveryv1.PartHeader, schema *arrow.Schema) (work.Upload, error) {
	return stream.Open(ctx, d.client, header, schema)
}
