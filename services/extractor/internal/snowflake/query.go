package snowflake

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"

	sf "github.com/snowflakedb/gosnowflake/v2"
	"go.opentelemetry.io/otel/trace"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/extractor/internal/convert"
	"github.com/customer-exports/exports/services/extractor/internal/source"
	"github.com/customer-exports/exports/services/extractor/internal/statement"
)

// streamer is what a driver connection can do for us.
type streamer interface {
	QueryArrowStream(ctx context.Context, query string, bindings ...driver.NamedValue) (sf.ArrowStreamLoader, error)
}

// answer is a statement that the source has answered. Its connection stays ours until close.
type answer struct {
	conn    *sql.Conn
	loader  sf.ArrowStreamLoader
	queryID string
	err     error
}

func (a *answer) close() {
	if a.conn != nil {
		// A connection that cannot be given back is one that is gone.
		_ = a.conn.Close()
	}
}

// errand is why a statement is sent: on which warehouse it runs, what the source's query history says
// of it, and who hears that the source is alive.
type errand struct {
	pool     *sql.DB
	tag      tag
	progress func()
}

// errand of an attempt at a task.
func (s *Source) errand(attempt source.Attempt, large bool) errand {
	e := errand{
		pool: s.standard, progress: attempt.Progress,
		tag: tag{RunID: attempt.Run.GetRunId(), Attempt: attempt.Number, Customer: attempt.Run.GetCustomerId()},
	}
	if attempt.Number == 0 {
		e.tag.Service, e.tag.Purpose = "extractor", "preview_run"
	}
	if large {
		e.pool = s.large
	}
	return e
}

// tag finds the work behind a statement in the source's query history: an attempt at a run, or else
// what a service wanted to know.
type tag struct {
	TraceID  string `json:"trace_id"`
	RunID    string `json:"run_id,omitempty"`
	Attempt  int    `json:"attempt,omitempty"`
	Customer string `json:"customer,omitempty"`
	Service  string `json:"service,omitempty"`
	Purpose  string `json:"purpose,omitempty"`
}

func (t tag) text(ctx context.Context) (string, error) {
	if span := trace.SpanContextFromContext(ctx); span.HasTraceID() {
		t.TraceID = span.TraceID().String()
	}
	text, err := json.Marshal(t)
	if err != nil {
		return "", fmt.Errorf("writing the query tag: %w", err)
	}
	return string(text), nil
}

// await runs a statement and waits for its answer. The driver may block long past the end of its
// context, so it runs in a goroutine of its own, which is left behind to clean up when it does.
func (s *Source) await(ctx context.Context, e errand, text statement.Statement) (*answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.cfg.QueryTimeout.D(),
		fault.New(fault.Unavailable, fault.ReasonSourceStalled, "the source did not answer within %s", s.cfg.QueryTimeout.D()))
	defer cancel()
	// While a statement runs, the driver asks for it about every 45 s: each answer is a sign of life.
	ctx, stop := follow(ctx, s.cfg.StallTimeout.D(), e.progress)
	defer stop()
	answers := make(chan *answer, 1)
	go func() { answers <- run(ctx, e.pool, text) }()
	select {
	case a := <-answers:
		return a.checked(ctx)
	case <-ctx.Done():
		go func() { (<-answers).close() }()
		return nil, ended(context.Cause(ctx))
	}
}

// checked refuses an answer that cannot be read as Arrow: it would look like a result without rows.
func (a *answer) checked(ctx context.Context) (*answer, error) {
	if a.err != nil {
		a.close()
		return a, trouble(ctx, a.err, a.queryID)
	}
	provider, ok := a.loader.(sf.QueryResultFormatProvider)
	if !ok || provider.QueryResultFormat() != "arrow" {
		a.close()
		return a, fault.New(fault.DataLoss, fault.ReasonSourceNotArrow, "the source did not answer in Arrow, query %q", a.queryID)
	}
	return a, nil
}

// run does what may block. A panic of the driver must not end the process.
func run(ctx context.Context, pool *sql.DB, text statement.Statement) (a *answer) {
	a = &answer{}
	defer func() {
		if recovered := recover(); recovered != nil {
			a.err = errors.New("the driver panicked")
		}
	}()
	a.conn, a.err = pool.Conn(ctx)
	if a.err != nil {
		return a
	}
	ids := make(chan string, 1)
	err := a.conn.Raw(func(raw any) error {
		a.loader, a.err = stream(sf.WithQueryIDChan(ctx, ids), raw, text)
		return discard(a.err)
	})
	if a.err == nil {
		a.err = err
	}
	select {
	case a.queryID = <-ids:
	default:
	}
	return a
}

func stream(ctx context.Context, raw any, text statement.Statement) (sf.ArrowStreamLoader, error) {
	connection, ok := raw.(streamer)
	if !ok {
		return nil, errors.New("the driver's connection cannot stream Arrow")
	}
	bindings := make([]driver.NamedValue, len(text.Args))
	for i, value := range text.Args {
		bindings[i] = driver.NamedValue{Ordinal: i + 1, Value: value}
	}
	return connection.QueryArrowStream(ctx, text.SQL, bindings...)
}

// discard tells the pool to forget a connection whose session may be gone; the driver does not.
func discard(err error) error {
	var refusal *sf.SnowflakeError
	if err == nil || errors.As(err, &refusal) && !broken(refusal.Number) {
		return nil
	}
	return driver.ErrBadConn
}

// rowTypes are the columns as the source declares them; chunks may use any width.
func (a *answer) rowTypes() []convert.RowType {
	declared := a.loader.RowTypes()
	types := make([]convert.RowType, len(declared))
	for i, t := range declared {
		types[i] = convert.RowType{Name: t.Name, Type: t.Type, Precision: int(t.Precision), Scale: int(t.Scale)}
	}
	return types
}
