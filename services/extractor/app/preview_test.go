package app_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/deploy/local/warehouse"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/rpc"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	sourcev1 "github.com/customer-exports/exports/proto/exports/source/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
)

// client speaks to the extractor's SourceService.
func (r *rig) client(t *testing.T) sourcev1.SourceServiceClient {
	t.Helper()
	conn, err := rpc.Dial(r.addr, r.tel)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return sourcev1.NewSourceServiceClient(conn)
}

func preview() *sourcev1.PreviewRunRequest {
	return &sourcev1.PreviewRunRequest{CustomerId: "acme", ExportId: "acme-daily", Revision: 3, AsOfTime: timestamppb.New(asOf)}
}

// sent lists the texts that arrived since, each once.
func (r *rig) sent(since int) map[string]bool {
	texts := map[string]bool{}
	for _, query := range r.warehouse.Queries()[since:] {
		texts[query.SQL] = true
	}
	return texts
}

// A preview finds what the measurement finds, and names the statements that the tasks send, without a value in them.
func TestPreviewIsWhatTheRunDoes(t *testing.T) {
	r := start(t, "DIM_DATES", "FACT_REVIEWS", "FACT_TRANSACTION_ITEMS")
	got, err := r.client(t).PreviewRun(t.Context(), preview())
	if err != nil {
		t.Fatal(err)
	}
	previewed := r.warehouse.Queries()
	if tag := previewed[0].Tag; len(previewed) != 1 || !strings.Contains(tag, `"customer":"acme"`) || !strings.Contains(tag, `"purpose":"preview_run"`) {
		t.Errorf("%d statements, tagged %s", len(previewed), tag)
	}
	measured := r.measure(t)
	var counts []*planv1.TableMeasurement
	for i, table := range got.GetTables() {
		counts = append(counts, table.GetMeasurement())
		work := &taskv1.ExtractWork{Table: measured.GetTables()[i].GetTable(), RowCount: rowsIn(measured.GetTables()[i])}
		r.extract(t, ref(), work)
		receive(t, r, r.peers.parts)
	}
	// The source counts in no order.
	byDate := protocmp.SortRepeated(func(a, b *planv1.SplitCount) bool { return a.GetSplitDate() < b.GetSplitDate() })
	if diff := cmp.Diff(measured.GetTables(), counts, protocmp.Transform(), byDate); diff != "" {
		t.Errorf("counts (-measured +previewed):\n%s", diff)
	}
	part := &taskv1.ExtractWork{Table: "FACT_REVIEWS", PartIndex: 1, Range: &taskv1.SplitRange{From: "1990-01-01", Until: "1990-01-02"}}
	r.extract(t, ref(), part)
	receive(t, r, r.peers.parts)
	want := r.sent(len(previewed))
	told := map[string]bool{got.GetMeasureSql(): true, got.GetTables()[1].GetExtractRangeSql(): true}
	for _, table := range got.GetTables() {
		told[table.GetExtractSql()] = true
	}
	if diff := cmp.Diff(want, told); diff != "" || len(told) != 5 {
		t.Errorf("texts (-sent +told):\n%s", diff)
	}
	for text := range told {
		if strings.Contains(text, "Bella") || strings.Contains(text, "LOC-") || strings.Contains(text, "1990-") {
			t.Errorf("a value is in the text:\n%s", text)
		}
	}
	if got.GetTables()[0].GetExtractRangeSql() != "" {
		t.Errorf("a table that cannot be cut has a range: %s", got.GetTables()[0].GetExtractRangeSql())
	}
}

// Without an instant the source's own now counts, and a revision that awaits approval can be looked at.
func TestPreviewOfNow(t *testing.T) {
	r := start(t, "DIM_DATES")
	r.peers.revision.State = configv1.RevisionState_REVISION_STATE_PENDING
	q := preview()
	q.AsOfTime = nil
	got, err := r.client(t).PreviewRun(t.Context(), q)
	if err != nil || !got.GetAsOfTime().AsTime().Equal(clock) || rowsIn(got.GetTables()[0].GetMeasurement()) == 0 {
		t.Errorf("got %v, %v; want the rows of %s", got, err, clock)
	}
	if !r.peers.unapproved.Load() {
		t.Error("the config service would not have given out the revision")
	}
	r.askMeasure(t, ref())
	if r.failed(t, fault.ReasonNotApproved, false); r.peers.unapproved.Load() {
		t.Error("a task asks for revisions that nobody approved")
	}
}

func TestPreviewRefusals(t *testing.T) {
	r := start(t, "DIM_DATES")
	foreign, early, unknown := preview(), preview(), preview()
	foreign.CustomerId = "mallory"
	early.AsOfTime = timestamppb.New(created.Add(-time.Hour))
	unknown.Revision = 4
	for name, test := range map[string]struct {
		request *sourcev1.PreviewRunRequest
		want    fault.Reason
	}{
		"another customer's export":  {foreign, fault.ReasonDenied},
		"as-of time gone":            {early, fault.ReasonSourceAsOfGone},
		"revision that is not there": {unknown, fault.ReasonNotFound},
		"no revision":                {&sourcev1.PreviewRunRequest{CustomerId: "acme", ExportId: "acme-daily"}, fault.ReasonValidation},
	} {
		if _, err := r.client(t).PreviewRun(t.Context(), test.request); fault.ReasonOf(err) != test.want {
			t.Errorf("%s: got %v, want %s", name, err, test.want)
		}
	}
}

// Two previews at most run beside the tasks; the next is refused at once.
func TestPreviewsAreFew(t *testing.T) {
	r := start(t, "DIM_DATES")
	client := r.client(t)
	if err := r.warehouse.Faults().Arm(warehouse.Fault{Kind: warehouse.SlowQuery, Times: 2, Delay: time.Hour}); err != nil {
		t.Fatal(err)
	}
	asking, hangUp := context.WithCancel(t.Context())
	defer hangUp()
	ended := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := client.PreviewRun(asking, preview())
			ended <- err
		}()
	}
	for len(r.warehouse.Faults().Armed()) > 0 {
		select {
		case err := <-ended:
			t.Fatalf("a preview ended: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	_, err := client.PreviewRun(t.Context(), preview())
	if fault.KindOf(err) != fault.Exhausted {
		t.Errorf("the third preview: %v, want Exhausted", err)
	}
	hangUp()
	for range 2 {
		if err := <-ended; err == nil {
			t.Error("a preview without an answer succeeded")
		}
	}
	// The extractor learns a little later that nobody waits any more.
	for fault.KindOf(err) == fault.Exhausted {
		_, err = client.PreviewRun(t.Context(), preview())
	}
	if err != nil {
		t.Errorf("a preview after the others: %v", err)
	}
}
