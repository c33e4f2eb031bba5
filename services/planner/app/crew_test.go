package app

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/customer-exports/exports/pkg/bus"
	"github.com/customer-exports/exports/pkg/obs"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
)

// crew stands in for extractors and delivery servers: it takes tasks from the queue and reports over gRPC as they do, but
// reads no source and writes no bucket. It records how much it was given at once.
type crew struct {
	reports []planv1.ReportServiceClient
	// rows is what the source holds of each table of a customer; work is how long reading that many takes.
	rows func(customer string) int64
	work func(rows int64) time.Duration

	mu                   sync.Mutex
	attempts             map[string]int // by task id
	statements, most     int
	customers            map[string]int // statements of each
	mostOfOne            int
	commits, mostCommits int
}

// hire lets more workers wait for tasks than any cap allows to run.
func (c *crew) hire(tb testing.TB, b *bus.Bus, tel *obs.Telemetry) {
	tb.Helper()
	c.attempts, c.customers = map[string]int{}, map[string]int{}
	for _, consumer := range []bus.Consumer{
		{Name: "extractor", Subjects: []string{"task.measure.>", "task.extract.>"}},
		{Name: "delivery", Subjects: []string{"task.commit.>"}},
	} {
		consumer.AckWait, consumer.Deadline, consumer.MaxDeliver, consumer.Concurrency = time.Minute, time.Minute, 5, 12
		background(tb, func(ctx context.Context) error { return b.Consume(ctx, tel, consumer, c.do) })
	}
}

func (c *crew) do(ctx context.Context, d bus.Delivery) error {
	planner := c.begin(d.Task)
	err := c.attempt(ctx, d.Task, planner)
	c.end(d.Task)
	return err
}

func (c *crew) attempt(ctx context.Context, t *taskv1.Task, planner planv1.ReportServiceClient) error {
	id, rows := t.GetRun().GetRunId(), c.rows(t.GetRun().GetCustomerId())
	switch work := t.GetWork().(type) {
	case *taskv1.Task_Measure:
		report := &planv1.ReportMeasurementRequest{RunId: id}
		for _, table := range tablesOfOne {
			report.Tables = append(report.Tables, measured(table, rows))
		}
		_, err := planner.ReportMeasurement(ctx, report)
		return err
	case *taskv1.Task_Extract:
		part := work.Extract
		if err := c.read(ctx, part.GetRowCount()); err != nil {
			return err
		}
		_, err := planner.ReportPart(ctx, &planv1.ReportPartRequest{RunId: id, Receipt: &deliveryv1.Receipt{
			Table: part.GetTable(), PartIndex: part.GetPartIndex(), RowCount: part.GetRowCount(),
		}})
		return err
	default:
		_, err := planner.ReportCommit(ctx, &planv1.ReportCommitRequest{RunId: id, ManifestKey: "manifest.json"})
		return err
	}
}

// read takes its time.
func (c *crew) read(ctx context.Context, rows int64) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(c.work(rows)):
		return nil
	}
}

// measured spreads the rows of a table over days, a million on each.
func measured(table string, rows int64) *planv1.TableMeasurement {
	m := &planv1.TableMeasurement{Table: table}
	for day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC); rows > 0; day = day.AddDate(0, 0, 1) {
		count := min(rows, 1_000_000)
		m.Counts, rows = append(m.Counts, &planv1.SplitCount{SplitDate: day.Format(time.DateOnly), RowCount: count}), rows-count
	}
	return m
}

// begin notes an attempt, and chooses the planner to report to.
func (c *crew) begin(t *taskv1.Task) planv1.ReportServiceClient {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.attempts[t.GetTaskId()]++
	if t.GetCommit() != nil {
		c.commits++
		c.mostCommits = max(c.mostCommits, c.commits)
	} else {
		customer := t.GetRun().GetCustomerId()
		c.statements++
		c.customers[customer]++
		c.most, c.mostOfOne = max(c.most, c.statements), max(c.mostOfOne, c.customers[customer])
	}
	return c.reports[len(c.attempts)%len(c.reports)]
}

func (c *crew) end(t *taskv1.Task) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.GetCommit() != nil {
		c.commits--
		return
	}
	c.statements--
	c.customers[t.GetRun().GetCustomerId()]--
}
