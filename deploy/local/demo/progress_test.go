package demo

import (
	"strings"
	"testing"
	"time"

	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
)

// moving is a run of one table in two parts, of which some have arrived.
func moving(state planv1.RunState, received int) *planv1.Run {
	table := &planv1.TableProgress{Table: "FACT_REVIEWS", MeasuredRowCount: 3000}
	for i := range 2 {
		p := &planv1.PartProgress{PartIndex: int32(i), MeasuredRowCount: 1500}
		if i < received {
			p.Received, p.RowCount, p.ArrowBytes = true, 1500, 4_000_000
		}
		table.Parts = append(table.Parts, p)
	}
	return &planv1.Run{Ref: &taskv1.RunRef{RunId: "acme-daily-20261124-1"}, State: state, Tables: []*planv1.TableProgress{table}}
}

// clock is advanced by hand.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

func TestTerminalIsRedrawnInPlace(t *testing.T) {
	var out strings.Builder
	at := &clock{time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
	view := &screen{out: &out, terminal: true, began: at.Time, now: at.now}
	view.show([]*planv1.Run{moving(planv1.RunState_RUN_STATE_EXTRACTING, 0)})
	first := out.String()
	at.Time = at.Add(2 * time.Second)
	view.show([]*planv1.Run{moving(planv1.RunState_RUN_STATE_EXTRACTING, 1)})
	second := strings.TrimPrefix(out.String(), first)
	if lines := strings.Count(first, "\n"); lines != 3 || !strings.HasPrefix(second, "\x1b[3A\x1b[J") {
		t.Errorf("the second picture begins with %.10q; it must overwrite the %d lines of the first", second, lines)
	}
	for _, want := range []string{"FACT_REVIEWS", "1,500", "3,000", "1/2", "extracting", "2.0 s  2.0 MB/s"} {
		if !strings.Contains(second, want) {
			t.Errorf("%q is not in the picture:\n%s", want, second)
		}
	}
}

func TestElsewhereALineTellsAChange(t *testing.T) {
	var out strings.Builder
	at := &clock{time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
	view := &screen{out: &out, began: at.Time, now: at.now}
	for _, step := range []struct {
		after    time.Duration
		state    planv1.RunState
		received int
		want     string
	}{
		{0, planv1.RunState_RUN_STATE_MEASURING, 0, "measuring   0/1 tables           0 rows  0.0 MB/s\n"},
		{time.Second, planv1.RunState_RUN_STATE_MEASURING, 0, ""},
		{time.Second, planv1.RunState_RUN_STATE_EXTRACTING, 1, "extracting  0/1 tables       1,500 rows  2.0 MB/s\n"},
		{time.Second, planv1.RunState_RUN_STATE_EXTRACTING, 2, ""},
		{5 * time.Second, planv1.RunState_RUN_STATE_EXTRACTING, 2, "extracting  1/1 tables       3,000 rows  1.0 MB/s\n"},
		{time.Second, planv1.RunState_RUN_STATE_COMMITTED, 2, "committed   1/1 tables       3,000 rows  0.9 MB/s\n"},
	} {
		at.Time = at.Add(step.after)
		before := out.Len()
		view.show([]*planv1.Run{moving(step.state, step.received)})
		if got := out.String()[before:]; !strings.HasSuffix(got, step.want) || strings.Count(got, "\n") != strings.Count(step.want, "\n") {
			t.Errorf("after %s it tells %q, want %q", at.Sub(view.began), got, step.want)
		}
	}
}
