package plan_test

import (
	"testing"
	"time"

	"github.com/customer-exports/exports/pkg/bus/bustest"
)

func TestARunIsMeasuredOnceItHasSettled(t *testing.T) {
	c := &clock{at: now}
	p, b := planner(t, bustest.Start(t), c, acme("acme-daily", "11:55"))
	p.SettleDelay = 10 * time.Minute
	if err := p.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, _ := tasks(t, b)
	same(t, "tasks 5 minutes after the due time", []string{"acme-daily-20260110-1.measure", "acme-daily-20260111-1.measure"}, got)
	c.move(5 * time.Minute)
	if err := p.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, _ = tasks(t, b)
	same(t, "tasks 10 minutes after it", []string{
		"acme-daily-20260110-1.measure", "acme-daily-20260111-1.measure", "acme-daily-20260112-1.measure",
	}, got)
}
