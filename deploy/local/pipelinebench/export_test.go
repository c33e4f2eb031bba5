package pipelinebench

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/customer-exports/exports/deploy/local/demo"
	"github.com/customer-exports/exports/deploy/local/stack"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
)

const (
	// table is the one that is moved.
	table = "FACT_TRANSACTIONS"
	// inScope is the share of its rows that belong to the customer.
	inScope = 0.9
	// partRows is the most rows of a part; the local warehouse looks at the whole table for each.
	partRows = 5_000_000
	// patience bounds one export, at a hundredth of the pace that is asked for.
	patience = time.Hour
	person   = "bench@localhost"
)

// pipeline is a stack with an export whose statements were answered before.
type pipeline struct {
	stack *stack.Stack
	conn  *grpc.ClientConn
	runs  planv1.RunServiceClient
	last  string // run id
}

// prepare fills the source, and exports its table once.
func prepare(b *testing.B, millions float64) *pipeline {
	b.Helper()
	dir := b.TempDir()
	midnight := time.Now().UTC().Truncate(24 * time.Hour)
	s, err := stack.Start(b.Context(), stack.Config{
		Dir: dir, Scale: millions / inScope, Large: table, CreateTime: midnight.AddDate(0, 0, -30),
		WarehouseDB: filepath.Join(dir, "warehouse.duckdb"), SpoolBytes: 1 << 40, Without: []string{"extractor", "delivery", "slamonitor"},
		Logger: slog.New(slog.DiscardHandler), Settings: stack.Settings{LogLevel: "error", PartTargetRows: partRows},
	})
	if err != nil {
		b.Fatal(err)
	}
	p := &pipeline{stack: s}
	if p.conn, err = stack.Dial(s.Ports.Planner); err != nil {
		b.Fatal(err)
	}
	p.runs = planv1.NewRunServiceClient(p.conn)
	p.first(b)
	return p
}

// first makes the export that fills the warehouse's results.
func (p *pipeline) first(b *testing.B) {
	b.Helper()
	services := startServices(b, p.stack)
	defer services.stop(b)
	config, err := stack.Dial(p.stack.Ports.Config)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = config.Close() }()
	e := demo.Engagement{
		CustomerID: "everything", Name: "Everything", Brands: []string{"Bella Pizza", "Nova Fitness", "Harbor Hotels"}, Tables: []string{table},
		Compression: configv1.Compression_COMPRESSION_SNAPPY,
	}
	for brand := range e.Brands {
		e.Locations = append(e.Locations, demo.Locations(0, 54, brand)...)
	}
	due := time.Now().UTC().Add(-time.Hour)
	date := due.Format(time.DateOnly)
	if err := demo.Onboard(b.Context(), p.stack, demo.OperatorOn(config), e, due.Format("15:04"), date); err != nil {
		b.Fatal(err)
	}
	answer, err := p.runs.StartRun(b.Context(), &planv1.StartRunRequest{ExportId: e.ExportID(), ExportDate: date, Author: person, Reason: "benchmark"})
	if err != nil {
		b.Fatal(err)
	}
	p.end(b, answer.GetRun())
}

// move exports the same rows of the same instant once more, by new processes.
func (p *pipeline) move(b *testing.B) figures {
	b.Helper()
	services := startServices(b, p.stack)
	began := time.Now()
	answer, err := p.runs.ReExtract(b.Context(), &planv1.ReExtractRequest{RunId: p.last, Author: person, Reason: "benchmark"})
	if err != nil {
		b.Fatal(err)
	}
	run := p.end(b, answer.GetRun())
	f := figures{wall: time.Since(began).Seconds()}
	for _, part := range run.GetTables()[0].GetParts() {
		f.rows, f.arrow, f.files, f.parts = f.rows+part.GetRowCount(), f.arrow+part.GetArrowBytes(), f.files+part.GetFileBytes(), f.parts+1
	}
	f.extractorCPU, f.extractorPeak, f.deliveryCPU, f.deliveryRSS = services.stop(b)
	return f
}

// end waits until a run is committed.
func (p *pipeline) end(b *testing.B, run *planv1.Run) *planv1.Run {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	p.last = run.GetRef().GetRunId()
	updates, err := p.runs.WatchRun(ctx, &planv1.WatchRunRequest{RunId: p.last})
	for err == nil {
		_, err = updates.Recv()
	}
	answer, err := p.runs.GetRun(ctx, &planv1.GetRunRequest{RunId: p.last})
	if err != nil || answer.GetRun().GetState() != planv1.RunState_RUN_STATE_COMMITTED {
		b.Fatalf("run %s is %s after %v, %v", p.last, answer.GetRun().GetState(), answer.GetRun().GetFailures(), err)
	}
	return answer.GetRun()
}

func (p *pipeline) close(b *testing.B) {
	b.Helper()
	_ = p.conn.Close()
	if err := p.stack.Close(); err != nil {
		b.Error(err)
	}
	_ = os.RemoveAll(p.stack.Dir) // before the next one needs the room
}
