package app

import (
	"errors"
	"io"
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/fault"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
)

const (
	author = "ann@example.com"
	reason = "ticket 4711"
)

// TestVerbsOverTheWire cancels a run that somebody watches, and asks for its date again.
func TestVerbsOverTheWire(t *testing.T) {
	c, ctx := serve(t), t.Context()
	started, err := c.runs.StartRun(ctx, start("acme-daily", c.date))
	if err != nil {
		t.Fatal(err)
	}
	id, due := started.GetRun().GetRef().GetRunId(), started.GetRun().GetRef().GetDueTime()
	watched, err := c.runs.WatchRun(ctx, &planv1.WatchRunRequest{RunId: id})
	if err != nil {
		t.Fatal(err)
	}
	if first, err := watched.Recv(); err != nil || first.GetProgress().GetState() != planv1.RunState_RUN_STATE_MEASURING {
		t.Fatalf("at first %v, %v", first, err)
	}
	cancelled, err := c.runs.CancelRun(ctx, &planv1.CancelRunRequest{RunId: id, Author: author, Reason: reason})
	if err != nil || cancelled.GetRun().GetState() != planv1.RunState_RUN_STATE_CANCELLED {
		t.Fatalf("CancelRun = %v, %v", cancelled, err)
	}
	if last, err := watched.Recv(); err != nil || last.GetProgress().GetState() != planv1.RunState_RUN_STATE_CANCELLED {
		t.Errorf("at last %v, %v", last, err)
	}
	if _, err := watched.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("after the end of the run: %v, want the end of the stream", err)
	}
	_, err = c.reports.CheckRun(ctx, &planv1.CheckRunRequest{RunId: id})
	if fault.KindOf(err) != fault.State || fault.ReasonOf(err) != fault.ReasonNotActive {
		t.Errorf("CheckRun = %v, want NOT_ACTIVE", err)
	}
	if _, err := c.reports.ReportAbort(ctx, &planv1.ReportAbortRequest{RunId: id}); err != nil {
		t.Error(err)
	}
	again, err := c.runs.ReExtract(ctx, &planv1.ReExtractRequest{RunId: id, AsOfTime: due, Author: author, Reason: reason})
	if err != nil || again.GetRun().GetSupersedesRunId() != id {
		t.Fatalf("ReExtract = %v, %v", again, err)
	}
	list, err := c.runs.ListRuns(ctx, &planv1.ListRunsRequest{ExportId: "acme-daily", FromDate: c.date, ToDate: c.date, State: planv1.RunState_RUN_STATE_CANCELLED})
	if err != nil || len(list.GetRuns()) != 1 || list.GetRuns()[0].GetRef().GetRunId() != id {
		t.Errorf("ListRuns = %v, %v; want the cancelled one", list, err)
	}
	backfill, err := c.runs.Backfill(ctx, &planv1.BackfillRequest{ExportId: "acme-daily", FromDate: c.date, ToDate: c.date, DryRun: true, Author: author, Reason: reason})
	if err != nil || backfill.GetExistingCount() != 1 || backfill.GetDates()[0].GetRunId() != again.GetRun().GetRef().GetRunId() {
		t.Errorf("Backfill = %v, %v; want the newest run of the date", backfill, err)
	}
}

// TestVerbsRefuseOverTheWire sends each verb something bad: nothing is planned.
func TestVerbsRefuseOverTheWire(t *testing.T) {
	c, ctx := serve(t), t.Context()
	started, err := c.runs.StartRun(ctx, start("acme-daily", c.date))
	if err != nil {
		t.Fatal(err)
	}
	id := started.GetRun().GetRef().GetRunId()
	for name, test := range map[string]struct {
		call   func() error
		kind   fault.Kind
		reason fault.Reason
	}{
		"start without an author": {func() error {
			_, err := c.runs.StartRun(ctx, &planv1.StartRunRequest{ExportId: "acme-daily", ExportDate: c.date, Reason: reason})
			return err
		}, fault.Invalid, fault.ReasonValidation},
		"cancel with an author that is none": {func() error {
			_, err := c.runs.CancelRun(ctx, &planv1.CancelRunRequest{RunId: id, Author: "Ann <a@b>", Reason: reason})
			return err
		}, fault.Invalid, fault.ReasonValidation},
		"cancel without a reason": {func() error {
			_, err := c.runs.CancelRun(ctx, &planv1.CancelRunRequest{RunId: id, Author: author})
			return err
		}, fault.Invalid, fault.ReasonValidation},
		"cancel what is not there": {func() error {
			_, err := c.runs.CancelRun(ctx, &planv1.CancelRunRequest{RunId: "none", Author: author, Reason: reason})
			return err
		}, fault.NotFound, fault.ReasonNotFound},
		"backfill 401 dates": {func() error {
			_, err := c.runs.Backfill(ctx, &planv1.BackfillRequest{ExportId: "acme-daily", FromDate: "2020-01-01", ToDate: "2021-02-04", Author: author, Reason: reason})
			return err
		}, fault.Invalid, fault.ReasonValidation},
		"re-extract what goes on": {func() error {
			_, err := c.runs.ReExtract(ctx, &planv1.ReExtractRequest{RunId: id, Author: author, Reason: reason})
			return err
		}, fault.State, fault.ReasonRunNotEnded},
		"resend what goes on": {func() error {
			_, err := c.runs.Resend(ctx, &planv1.ResendRequest{RunId: id, Author: author, Reason: reason})
			return err
		}, fault.State, fault.ReasonRunNotEnded},
		"the receipt of a run that has none yet": {func() error {
			_, err := c.reports.GetReceipt(ctx, &planv1.GetReceiptRequest{RunId: id, Table: "DIM_DATES"})
			return err
		}, fault.Unavailable, fault.ReasonUnavailable},
		"re-plan what goes on": {func() error {
			_, err := c.runs.RePlan(ctx, &planv1.RePlanRequest{RunId: id, AsOfTime: timestamppb.Now(), Author: author, Reason: reason})
			return err
		}, fault.State, fault.ReasonRunNotEnded},
		"watch what is not there": {func() error {
			stream, err := c.runs.WatchRun(ctx, &planv1.WatchRunRequest{RunId: "none"})
			if err == nil {
				_, err = stream.Recv()
			}
			return err
		}, fault.NotFound, fault.ReasonNotFound},
	} {
		if err := test.call(); fault.KindOf(err) != test.kind || fault.ReasonOf(err) != test.reason {
			t.Errorf("%s = %v, want %s %s", name, err, test.kind, test.reason)
		}
	}
	list, err := c.runs.ListRuns(ctx, &planv1.ListRunsRequest{})
	if err != nil || len(list.GetRuns()) != 1 || list.GetRuns()[0].GetState() != planv1.RunState_RUN_STATE_MEASURING {
		t.Errorf("ListRuns = %v, %v; want the one run, untouched", list, err)
	}
}
