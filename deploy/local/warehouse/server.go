// Package warehouse is a local stand-in for the source: a server that speaks the Snowflake REST
// protocol over DuckDB, so that the genuine driver is what runs in the demo and in every test. It
// owns generated data with history, a type catalogue, chunked gzip Arrow results and fault hooks.
//
// It refuses every statement that is not one of the forms the extractor emits, any as-of time that
// the history does not hold, and clients that do not authenticate. It is never imported by a
// service. Start at Open; rewrite.go says what SQL is understood, faults.go what can be broken.
package warehouse

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/customer-exports/exports/deploy/local/warehouse/data"
)

// Config says where the server listens, who may log in and what data it holds. The zero value of
// every field has a default; see withDefaults.
type Config struct {
	// Listen is the TCP address, default 127.0.0.1:0. Path is the DuckDB file, empty for memory.
	Listen, Path string
	// Scale 1 is about a million transactions (default 0.001). Scale and Seed decide the data; Large is
	// the only table that the scale is for, empty means all.
	Scale float64
	Large string
	Seed  uint64
	// Account, User, Password and Database default to LOCAL, EXPORTS, local and EXPORTS.
	Account, User, Password, Database string
	// CreateTime is when the tables came into being, RestateTime (zero: never) when their history
	// was restated, Retention (zero: unlimited) how far back time travel reaches from Now.
	CreateTime, RestateTime time.Time
	Retention               time.Duration
	// ChunkRows is the size of a result chunk (default 100,000), BatchRows of a record batch in it
	// (default 4,096). At most InlineRows (default 500) travel in the answer itself.
	ChunkRows, BatchRows, InlineRows int
	// AnswerWithin is how long a query request waits before it tells the client to poll (default 45 s).
	AnswerWithin time.Duration
	// Spool is the folder for chunk bodies, default a new folder under the system's. It holds at most
	// SpoolBytes (default 4 GiB) of results that are done with.
	Spool      string
	SpoolBytes int64
	// ReuseResults answers a statement that ran before with the result that it gave, as the source does
	// when neither statement nor data has changed.
	ReuseResults bool

	Logger *slog.Logger
	Now    func() time.Time
}

func orDefault[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

func (c Config) withDefaults() Config {
	c.Listen = orDefault(c.Listen, "127.0.0.1:0")
	c.Scale = orDefault(c.Scale, 0.001)
	c.Account = orDefault(c.Account, "LOCAL")
	c.User = orDefault(c.User, "EXPORTS")
	c.Password = orDefault(c.Password, "local")
	c.Database = orDefault(c.Database, "EXPORTS")
	c.ChunkRows = orDefault(c.ChunkRows, 100_000)
	c.BatchRows = orDefault(c.BatchRows, 4096)
	c.InlineRows = orDefault(c.InlineRows, min(500, c.ChunkRows))
	c.AnswerWithin = orDefault(c.AnswerWithin, 45*time.Second)
	c.SpoolBytes = orDefault(c.SpoolBytes, 4<<30)
	c.Logger = orDefault(c.Logger, slog.New(slog.DiscardHandler))
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// Server is a running local warehouse. Its methods are safe for concurrent use.
type Server struct {
	cfg      Config
	db       *sql.DB
	listener net.Listener
	http     *http.Server
	faults   *Faults
	sessions *sessions
	queries  *queries
	spool    string
	served   sync.WaitGroup
	running  sync.WaitGroup
}

// Open generates the data when it is not there yet and starts serving. ctx bounds the opening only.
func Open(ctx context.Context, cfg Config) (*Server, error) {
	cfg = cfg.withDefaults()
	s := &Server{cfg: cfg, faults: &Faults{}, sessions: newSessions(), queries: newQueries(cfg.SpoolBytes)}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("opening warehouse: %w", err), s.Close())
	}
	s.http = &http.Server{Handler: s.routes(), ReadHeaderTimeout: 10 * time.Second}
	s.served.Go(func() {
		if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			s.cfg.Logger.ErrorContext(ctx, "serving stopped", "error", err)
		}
	})
	return s, nil
}

func (s *Server) open(ctx context.Context) error {
	if s.cfg.Spool != "" {
		if err := os.MkdirAll(s.cfg.Spool, 0o700); err != nil {
			return fmt.Errorf("creating spool: %w", err)
		}
	}
	spool, err := os.MkdirTemp(s.cfg.Spool, "warehouse-")
	if err != nil {
		return fmt.Errorf("creating spool: %w", err)
	}
	s.spool = spool
	connector, err := duckdb.NewConnector("", s.prepareConnection)
	if err != nil {
		return fmt.Errorf("opening DuckDB: %w", err)
	}
	s.db = sql.OpenDB(connector)
	s.db.SetMaxOpenConns(maxConnections)
	settings := data.Settings{Scale: s.cfg.Scale, Large: s.cfg.Large, Seed: s.cfg.Seed, CreateTime: s.cfg.CreateTime, RestateTime: s.cfg.RestateTime}
	if err := data.Ensure(ctx, s.db, settings, s.cfg.Logger); err != nil {
		return err
	}
	s.listener, err = net.Listen("tcp", s.cfg.Listen)
	if err != nil {
		return fmt.Errorf("listening on %s: %w", s.cfg.Listen, err)
	}
	return nil
}

// maxConnections bounds the queries that run at once and so the memory they hold.
const maxConnections = 4

// memoryLimit keeps DuckDB's cache of a database file small; a memory database needs its room.
const memoryLimit = "600MB"

func (s *Server) prepareConnection(conn driver.ExecerContext) error {
	statements := []string{"SET TimeZone = 'UTC'", "SET temp_directory = " + quote(s.spool)}
	if s.cfg.Path != "" {
		// A name of our own: DuckDB would take the file's, which may be that of a schema.
		statements = append(statements, "SET memory_limit = '"+memoryLimit+"'",
			"ATTACH IF NOT EXISTS "+quote(s.cfg.Path)+" AS store", "USE store")
	}
	for _, statement := range statements {
		if _, err := conn.ExecContext(context.Background(), statement, nil); err != nil {
			return fmt.Errorf("running %q: %w", statement, err)
		}
	}
	return nil
}

// Addr is the host and port that the server listens on.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// DB gives tests direct access to the data (schema analytics) and its catalogue (schema warehouse).
func (s *Server) DB() *sql.DB { return s.db }

// Faults are the server's fault hooks.
func (s *Server) Faults() *Faults { return s.faults }

// Queries lists the statements that arrived, oldest first.
func (s *Server) Queries() []Query { return s.queries.list() }

// Close aborts what runs, stops serving and removes the spool. It may be called once.
func (s *Server) Close() error {
	var err error
	s.queries.abortAll()
	if s.http != nil {
		err = s.http.Close()
	} else if s.listener != nil {
		err = s.listener.Close()
	}
	s.served.Wait()
	s.running.Wait()
	if s.db != nil {
		err = errors.Join(err, s.db.Close())
	}
	if s.spool != "" {
		err = errors.Join(err, os.RemoveAll(s.spool))
	}
	if err != nil {
		return fmt.Errorf("closing warehouse: %w", err)
	}
	return nil
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /session/v1/login-request", s.login)
	mux.HandleFunc("POST /session/token-request", s.renew)
	mux.HandleFunc("POST /session/heartbeat", s.authenticated(func(w http.ResponseWriter, _ *http.Request, _ *session) { answer(w, nil) }))
	mux.HandleFunc("POST /session", s.authenticated(s.logout))
	mux.HandleFunc("POST /telemetry/send", func(w http.ResponseWriter, _ *http.Request) { answer(w, nil) })
	mux.HandleFunc("POST /queries/v1/query-request", s.authenticated(s.submit))
	mux.HandleFunc("POST /queries/v1/abort-request", s.authenticated(s.abort))
	mux.HandleFunc("GET /queries/{id}/result", s.authenticated(s.poll))
	mux.HandleFunc("GET /monitoring/queries/{id}", s.authenticated(s.monitor))
	mux.HandleFunc("GET /chunks/{id}/{index}", s.chunk)
	mux.HandleFunc("POST /_faults", s.armFaults)
	mux.HandleFunc("DELETE /_faults", s.clearFaults)
	return mux
}
