// Package snowflake reads the source with the genuine driver, and trusts it no further than it was
// seen to deserve: raw Arrow per chunk, every count compared, every wait bounded.
//
// It refuses an answer that is short, that is not Arrow, or whose columns are not the dictionary's,
// and lets no text of driver or source out. It holds the only credentials of the source. Start at
// Open; query.go runs a statement, result.go fetches its chunks, trouble.go names what went wrong.
package snowflake

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	sf "github.com/snowflakedb/gosnowflake/v2"
	"go.opentelemetry.io/otel/attribute"

	"github.com/customer-exports/exports/pkg/obs"
	"github.com/customer-exports/exports/services/extractor/internal/convert"
	"github.com/customer-exports/exports/services/extractor/internal/driverenv"
	"github.com/customer-exports/exports/services/extractor/internal/source"
	"github.com/customer-exports/exports/services/extractor/internal/statement"
)

// sessionFor keeps a session well under the four hours after which the source forgets it.
const sessionFor = time.Hour

// Source is a source.Reader and a lookup.Source over the Snowflake protocol. It is safe for concurrent
// use.
type Source struct {
	cfg       Config
	tel       *obs.Telemetry
	statement statement.Builder
	transport *transport
	// standard and large hold the sessions of their warehouse; they are one pool when one serves both.
	standard, large *sql.DB
}

// Open checks the config and the secret; it connects at the first statement. The caller closes it.
func Open(cfg Config, tel *obs.Telemetry) (*Source, error) {
	if err := driverenv.Settle(); err != nil {
		return nil, fmt.Errorf("settling the driver's environment: %w", err)
	}
	builder, err := statement.New(cfg.Database, cfg.Schema)
	if err != nil {
		return nil, fmt.Errorf("reading source.database and source.schema: %w", err)
	}
	if _, err := cfg.driverConfig(cfg.Warehouse); err != nil {
		return nil, err
	}
	s := &Source{cfg: cfg, tel: tel, statement: builder, transport: newTransport()}
	s.standard = s.pool(cfg.Warehouse)
	s.large = s.standard
	if cfg.LargeWarehouse != "" {
		s.large = s.pool(cfg.LargeWarehouse)
	}
	return s, nil
}

func (s *Source) pool(warehouse string) *sql.DB {
	db := sql.OpenDB(connector{s, warehouse})
	db.SetConnMaxLifetime(sessionFor)
	db.SetConnMaxIdleTime(sessionFor / 4)
	return db
}

// Close logs the idle sessions out.
func (s *Source) Close() error {
	err := errors.Join(s.standard.Close(), s.large.Close()) // a pool may be closed twice
	s.transport.base.CloseIdleConnections()
	if err != nil {
		return fmt.Errorf("closing the source: %w", err)
	}
	return nil
}

// Read is part of source.Reader.
func (s *Source) Read(ctx context.Context, attempt source.Attempt, part source.Part, emit func(arrow.Record) error) (int64, error) {
	text, err := s.statement.Extract(part)
	if err != nil {
		return 0, err
	}
	answer, err := s.query(ctx, s.errand(attempt, part.Large), text, attribute.String(obs.KeyTable, part.Layout.Table.Name))
	if err != nil {
		return 0, fmt.Errorf("querying table %s: %w", part.Layout.Table.Name, s.explain(ctx, err, part.Layout))
	}
	defer answer.close()
	if answer.loader.TotalRows() != part.Rows {
		return 0, truncated("the source announces %d rows of table %s, %d were measured",
			answer.loader.TotalRows(), part.Layout.Table.Name, part.Rows)
	}
	converter, err := convert.New(part.Layout, answer.rowTypes())
	if err != nil {
		return 0, err
	}
	rows, err := s.fetch(ctx, attempt.Progress, answer, converter, emit)
	if err != nil {
		return rows, fmt.Errorf("reading table %s, query %q: %w", part.Layout.Table.Name, answer.queryID, err)
	}
	return rows, nil
}

// connector reads the secret for every login, so that a rotated one needs no restart.
type connector struct {
	source    *Source
	warehouse string
}

// Connect is part of driver.Connector.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	cfg, err := c.source.cfg.driverConfig(c.warehouse)
	if err != nil {
		return nil, err
	}
	cfg.Transporter = c.source.transport
	return sf.NewConnector(sf.SnowflakeDriver{}, cfg).Connect(ctx)
}

// Driver is part of driver.Connector.
func (c connector) Driver() driver.Driver { return sf.SnowflakeDriver{} }

// query runs a statement in a span of its own, which inherits what the work is about.
func (s *Source) query(ctx context.Context, e errand, text statement.Statement, attrs ...attribute.KeyValue) (_ *answer, err error) {
	ctx, span := s.tel.Start(ctx, obs.SpanQuery, attrs...)
	defer func() { obs.End(span, err) }()
	tag, err := e.tag.text(ctx)
	if err != nil {
		return nil, err
	}
	answer, err := s.await(sf.WithQueryTag(ctx, tag), e, text)
	if answer != nil {
		span.SetAttributes(attribute.String(obs.KeyQueryID, answer.queryID))
	}
	if err != nil {
		return nil, err
	}
	span.SetAttributes(attribute.Int64(obs.KeyRows, answer.loader.TotalRows()))
	return answer, nil
}
