package app

import (
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/customer-exports/exports/pkg/bus"
	"github.com/customer-exports/exports/pkg/bus/bustest"
	"github.com/customer-exports/exports/pkg/obs"
	"github.com/customer-exports/exports/pkg/rpc"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
)

var customers = flag.Int("customers", 50, "how many customers are due at the same minute in the load test")

// tablesOfOne are those of each customer in the load test.
var tablesOfOne = []string{
	"DIM_DATES", "DIM_LOCATIONS", "DIM_EMPLOYEES", "FACT_REVIEWS", "FACT_REVIEW_VERSIONS", "FACT_EMPLOYEE_MENTIONS",
	"FACT_CUSTOMERS_SAVED", "FACT_INTERACTIONS", "FACT_MESSAGES", "FACT_TRANSACTIONS", "FACT_TRANSACTION_ITEMS", "FACT_LOCATION_DAILY_STATS",
}

// load is two planners side by side on one NATS server that syncs every write, and workers that report to both.
type load struct {
	crew *crew
	bus  *bus.Bus
	cfg  Config
	runs int
	// planned and committed are how long after the planners began.
	planned   time.Duration
	committed map[string]time.Duration // by customer
	queued    int                      // statements in the stream, at most
}

// TestCustomersDueTogether asserts that every run is planned and committed, each task done once, and no cap ever exceeded.
// `make test` has a thousand customers in it. What it logs is of this machine and of workers that move no rows.
func TestCustomersDueTogether(t *testing.T) {
	l := carry(t, small(*customers), alike())
	l.check(t)
	c := l.crew
	t.Logf("%d runs planned in %.1f s, %d tasks done in %.1f s; statements at once: %d at workers, %d in the queue, %d of one customer; commits at once: %d",
		l.runs, l.planned.Seconds(), len(c.attempts), l.percentile(100).Seconds(), c.most, l.queued, c.mostOfOne, c.mostCommits)
}

// small is customers whose drops are due at the same minute, 12 tables each.
func small(n int) (exports []*configv1.Export) {
	for i := range n {
		exports = append(exports, daily(fmt.Sprintf("customer-%04d", i), yesterday(), tablesOfOne...))
	}
	return exports
}

// alike is workers for whom all customers are alike: a statement takes 10 ms, so that the caps are reached.
func alike() *crew {
	return &crew{rows: func(string) int64 { return 1000 }, work: func(int64) time.Duration { return 10 * time.Millisecond }}
}

func yesterday() string { return time.Now().UTC().AddDate(0, 0, -1).Format(time.DateOnly) }

// giant is the customer whose drop nobody waits for.
const giant = "giant"

// carry runs everything until all exports but the giant's have their drop.
func carry(tb testing.TB, exports []*configv1.Export, c *crew) *load {
	tb.Helper()
	tel, err := obs.Setup(tb.Context(), obs.Config{Service: "load", LogLevel: "error"}, io.Discard)
	if err != nil {
		tb.Fatal(err)
	}
	l := &load{crew: c, committed: map[string]time.Duration{}}
	for _, export := range exports {
		if export.GetCustomerId() != giant {
			l.runs++
		}
	}
	url := bustest.Start(tb)
	peer := rpc.NewServer(tel)
	configv1.RegisterConfigServiceServer(peer.Registrar(), memConfig{exports: exports})
	l.cfg.Defaults()
	l.cfg.Listen, l.cfg.NATS.URL, l.cfg.Telemetry.LogLevel, l.cfg.Tick = "127.0.0.1:0", url, "error", 1e9
	if l.cfg.ConfigAddress, err = peer.Listen("127.0.0.1:0"); err != nil {
		tb.Fatal(err)
	}
	background(tb, func(ctx context.Context) error { return peer.Serve(ctx, "") })
	var planners []*App
	for range 2 {
		planner, err := New(tb.Context(), l.cfg)
		if err != nil {
			tb.Fatal(err)
		}
		conn, err := rpc.Dial(planner.Addr(), tel)
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { _ = conn.Close() })
		c.reports, planners = append(c.reports, planv1.NewReportServiceClient(conn)), append(planners, planner)
	}
	if l.bus, err = bus.Connect(tb.Context(), bus.Config{URL: url}, "load"); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(l.bus.Close)
	began := time.Now()
	for _, planner := range planners {
		background(tb, planner.Run)
	}
	c.hire(tb, l.bus, tel)
	background(tb, func(ctx context.Context) error { return l.watchQueue(ctx) })
	l.follow(tb, began)
	return l
}

// watchQueue looks at the stream again and again.
func (l *load) watchQueue(ctx context.Context) error {
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-again.C:
		}
		backlog, err := l.bus.Backlog(ctx)
		if err != nil {
			continue // the test is about to end
		}
		statements := 0
		for _, task := range backlog.Tasks {
			if task.Kind != "commit" {
				statements += task.Messages
			}
		}
		l.crew.mu.Lock()
		l.queued = max(l.queued, statements)
		l.crew.mu.Unlock()
	}
}

// follow reads the facts until every run is committed.
func (l *load) follow(tb testing.TB, began time.Time) {
	tb.Helper()
	facts, err := l.bus.JetStream().OrderedConsumer(tb.Context(), bus.StreamEvents, jetstream.OrderedConsumerConfig{FilterSubjects: []string{"event.run.>"}})
	if err != nil {
		tb.Fatal(err)
	}
	planned := map[string]bool{}
	for len(l.committed) < l.runs {
		msg, err := facts.Next(jetstream.FetchMaxWait(time.Minute))
		if err != nil {
			tb.Fatalf("%d of %d runs committed: %v", len(l.committed), l.runs, err)
		}
		fact, customer, _ := strings.Cut(strings.TrimPrefix(msg.Subject(), "event.run."), ".")
		switch {
		case customer == giant:
		case fact == "planned":
			if planned[customer] = true; len(planned) == l.runs && l.planned == 0 {
				l.planned = time.Since(began)
			}
		case fact == "committed":
			l.committed[customer] = time.Since(began)
		case fact == "failed", fact == "quarantined":
			tb.Errorf("the run of %s is %s", customer, fact)
			l.committed[customer] = 0
		}
	}
}

// percentile says when that many of a hundred runs were committed.
func (l *load) percentile(n int) time.Duration {
	all := slices.Sorted(maps.Values(l.committed))
	return all[(len(all)-1)*n/100]
}

func (l *load) check(tb testing.TB) {
	tb.Helper()
	c, caps := l.crew, l.cfg.Caps
	c.mu.Lock()
	defer c.mu.Unlock()
	if want := l.runs * (len(tablesOfOne) + 2); len(c.attempts) != want {
		tb.Errorf("%d tasks were done, want %d", len(c.attempts), want)
	}
	for id, attempts := range c.attempts {
		if attempts != 1 {
			tb.Errorf("task %s was done %d times", id, attempts)
		}
	}
	for _, most := range []struct {
		what     string
		got, cap int
	}{
		{"statements at the workers", c.most, caps.Statements},
		{"statements in the queue", l.queued, caps.Statements},
		{"statements of one customer", c.mostOfOne, caps.StatementsPerCustomer},
		{"commits", c.mostCommits, caps.Commits},
	} {
		if most.got > most.cap || most.got == 0 {
			tb.Errorf("at most %d %s at once, the cap is %d", most.got, most.what, most.cap)
		}
	}
}
