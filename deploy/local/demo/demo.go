// Package demo does the main job once on a running stack, the way an operator
// would: it onboards two customers, starts yesterday's runs, waits until the SLA
// monitor has read both drops from the buckets, and says where everything lies.
// It refuses to touch a service other than by its gRPC API. Start reading at Run.
package demo

import (
	"context"
	"fmt"
	"io"
	"time"

	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	slav1 "github.com/customer-exports/exports/proto/exports/sla/v1"
	"google.golang.org/grpc"

	"github.com/customer-exports/exports/deploy/local/stack"
)

// dueAt is late in the day so that yesterday's deadline is still ahead.
const dueAt = "23:59"

// Demo is what a run of it needs.
type Demo struct {
	Stack       *stack.Stack
	Engagements []Engagement
	Out         io.Writer
	Terminal    bool // redraw in place
	Now         func() time.Time
}

// Result is one delivered and verified run.
type Result struct {
	Engagement Engagement
	Run        *planv1.Run
	Verdict    *slav1.Verdict
	Seconds    float64
}

// Run delivers yesterday's drop of every engagement. It ends with an error when
// a run fails, a verdict is bad, or ctx ends.
func (d *Demo) Run(ctx context.Context) ([]Result, error) {
	c, err := d.connect()
	if err != nil {
		return nil, err
	}
	defer c.close()
	yesterday := d.Now().UTC().AddDate(0, 0, -1).Format(time.DateOnly)
	for _, e := range d.Engagements {
		if err := Onboard(ctx, d.Stack, c.operator, e, dueAt, yesterday); err != nil {
			return nil, err
		}
		_, _ = fmt.Fprintf(d.Out, "onboarded %-28s %d tables, %d brands, %d locations -> s3://%s\n", e.Name, len(e.Tables), len(e.Brands), len(e.Locations), e.Bucket())
	}
	return d.deliver(ctx, c, yesterday)
}

func (d *Demo) deliver(ctx context.Context, c clients, date string) ([]Result, error) {
	results := make([]Result, len(d.Engagements))
	began := d.Now()
	for i, e := range d.Engagements {
		answer, err := c.plan.StartRun(ctx, &planv1.StartRunRequest{ExportId: e.ExportID(), ExportDate: date, Author: author, Reason: "demo"})
		if err != nil {
			return nil, fmt.Errorf("starting the run of %s for %s: %w", e.ExportID(), date, err)
		}
		results[i] = Result{Engagement: e, Run: answer.GetRun()}
	}
	view := &screen{out: d.Out, terminal: d.Terminal, began: began, now: d.Now}
	for {
		done, err := d.refresh(ctx, c, results, began)
		if err != nil {
			return nil, err
		}
		view.show(runsOf(results))
		if done {
			return results, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for the drops: %w", ctx.Err())
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// refresh reads every run that is not verified yet and says whether all are.
func (d *Demo) refresh(ctx context.Context, c clients, results []Result, began time.Time) (bool, error) {
	done := true
	for i := range results {
		r := &results[i]
		if r.Verdict != nil {
			continue
		}
		answer, err := c.plan.GetRun(ctx, &planv1.GetRunRequest{RunId: r.Run.GetRef().GetRunId()})
		if err != nil {
			return false, fmt.Errorf("reading run %s: %w", r.Run.GetRef().GetRunId(), err)
		}
		r.Run = answer.GetRun()
		if err := failed(r.Run); err != nil {
			return false, err
		}
		if r.Verdict, err = verdictOf(ctx, c.sla, r.Run); err != nil {
			return false, err
		}
		r.Seconds = d.Now().Sub(began).Seconds()
		done = done && r.Verdict != nil
	}
	return done, nil
}

// verdictOf returns the verdict once the monitor has looked at the committed
// drop, and nil before.
func verdictOf(ctx context.Context, monitor slav1.SlaServiceClient, run *planv1.Run) (*slav1.Verdict, error) {
	if run.GetState() != planv1.RunState_RUN_STATE_COMMITTED {
		return nil, nil
	}
	ref := run.GetRef()
	answer, err := monitor.GetVerdict(ctx, &slav1.GetVerdictRequest{ExportId: ref.GetExportId(), ExportDate: ref.GetExportDate()})
	if err != nil {
		return nil, nil //nolint:nilerr // not judged yet; ctx bounds the wait
	}
	v := answer.GetVerdict()
	switch v.GetCondition() {
	case slav1.Condition_CONDITION_VERIFIED:
		return v, nil
	case slav1.Condition_CONDITION_UNREADABLE, slav1.Condition_CONDITION_MISMATCH:
		return nil, fmt.Errorf("the monitor finds %s %s: %v", ref.GetRunId(), v.GetCondition(), v.GetFindings())
	default:
		return nil, nil
	}
}

func failed(run *planv1.Run) error {
	switch run.GetState() {
	case planv1.RunState_RUN_STATE_FAILED, planv1.RunState_RUN_STATE_QUARANTINED, planv1.RunState_RUN_STATE_CANCELLED:
		cause := "no failure recorded"
		if f := run.GetFailures(); len(f) > 0 {
			cause = f[len(f)-1].GetReason() + " " + f[len(f)-1].GetMessage()
		}
		return fmt.Errorf("run %s ended %s: %s", run.GetRef().GetRunId(), stateWord(run.GetState()), cause)
	default:
		return nil
	}
}

func runsOf(results []Result) []*planv1.Run {
	runs := make([]*planv1.Run, len(results))
	for i, r := range results {
		runs[i] = r.Run
	}
	return runs
}

type clients struct {
	operator Operator
	plan     planv1.RunServiceClient
	sla      slav1.SlaServiceClient
	conns    []*grpc.ClientConn
}

func (c clients) close() {
	for _, conn := range c.conns {
		_ = conn.Close()
	}
}

func (d *Demo) connect() (clients, error) {
	var c clients
	for _, port := range []int{d.Stack.Ports.Config, d.Stack.Ports.Planner, d.Stack.Ports.Monitor} {
		conn, err := stack.Dial(port)
		if err != nil {
			return c, fmt.Errorf("connecting to port %d: %w", port, err)
		}
		c.conns = append(c.conns, conn)
	}
	c.operator = OperatorOn(c.conns[0])
	c.plan = planv1.NewRunServiceClient(c.conns[1])
	c.sla = slav1.NewSlaServiceClient(c.conns[2])
	return c, nil
}
