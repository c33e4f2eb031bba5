package warehouse

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	sf "github.com/snowflakedb/gosnowflake/v2"
)

var (
	created  = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	restated = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	clock    = time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	before   = restated.Add(-time.Hour)
	after    = restated.Add(time.Hour)
)

func TestMain(m *testing.M) {
	// The driver otherwise looks for cloud metadata services at its first connection.
	if err := os.Setenv("SNOWFLAKE_DISABLE_PLATFORM_DETECTION", "true"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func openServer(t *testing.T, change func(*Config)) *Server {
	t.Helper()
	cfg := Config{
		Scale: 0.002, Seed: 7, ChunkRows: 700, BatchRows: 100, InlineRows: 50, Spool: t.TempDir(),
		CreateTime: created, RestateTime: restated, Now: func() time.Time { return clock },
	}
	if change != nil {
		change(&cfg)
	}
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func connect(t *testing.T, s *Server) *sql.DB {
	t.Helper()
	return connectTo(t, s, "")
}

// connectTo logs in with a warehouse.
func connectTo(t *testing.T, s *Server, warehouse string) *sql.DB {
	t.Helper()
	host, port, err := net.SplitHostPort(s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	zone := "UTC"
	cfg := sf.Config{
		Account: "LOCAL", User: "EXPORTS", Password: "local", Database: "EXPORTS", Schema: "ANALYTICS", Warehouse: warehouse,
		Protocol: "http", Host: host, Port: number, Params: map[string]*string{"timezone": &zone},
		DisableOCSPChecks: true,
	}
	db := sql.OpenDB(sf.NewConnector(sf.SnowflakeDriver{}, cfg))
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// streamer is the part of the driver's connection that the extractor uses.
type streamer interface {
	QueryArrowStream(context.Context, string, ...driver.NamedValue) (sf.ArrowStreamLoader, error)
}

// stream is a result as the driver sees it: per batch its announced rows and what decoded.
type stream struct {
	total     int64
	announced []int64
	batches   [][]arrow.RecordBatch
	errs      []error
	format    string
}

func (s stream) rows() int64 {
	total := int64(0)
	for _, batch := range s.batches {
		for _, record := range batch {
			total += record.NumRows()
		}
	}
	return total
}

func (s stream) err() error {
	for _, err := range s.errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// values renders one column over the whole result.
func (s stream) values(t *testing.T, title string) []string {
	t.Helper()
	var all []string
	for _, batch := range s.batches {
		for _, record := range batch {
			at := record.Schema().FieldIndices(title)
			if len(at) != 1 {
				t.Fatalf("no column %s in %v", title, record.Schema())
			}
			for i := range int(record.NumRows()) {
				all = append(all, record.Column(at[0]).ValueStr(i))
			}
		}
	}
	return all
}

func read(t *testing.T, db *sql.DB, text string, binds ...string) (stream, error) {
	t.Helper()
	return readContext(t, t.Context(), db, text, binds...)
}

func readContext(t *testing.T, ctx context.Context, db *sql.DB, text string, binds ...string) (s stream, err error) {
	t.Helper()
	conn, err := db.Conn(ctx)
	if err != nil {
		return s, err
	}
	defer func() { _ = conn.Close() }()
	err = conn.Raw(func(raw any) error {
		values := make([]driver.NamedValue, len(binds))
		for i, bound := range binds {
			values[i] = driver.NamedValue{Ordinal: i + 1, Value: bound}
		}
		loader, err := raw.(streamer).QueryArrowStream(ctx, text, values...)
		if err != nil {
			return err
		}
		s, err = drain(ctx, loader)
		return err
	})
	return s, err
}

func drain(ctx context.Context, loader sf.ArrowStreamLoader) (stream, error) {
	s := stream{total: loader.TotalRows()}
	if provider, ok := loader.(sf.QueryResultFormatProvider); ok {
		s.format = provider.QueryResultFormat()
	}
	batches, err := loader.GetBatches()
	if err != nil {
		return s, err
	}
	for i := range batches {
		records, err := decode(ctx, &batches[i])
		s.announced = append(s.announced, batches[i].NumRows())
		s.batches = append(s.batches, records)
		s.errs = append(s.errs, err)
	}
	return s, nil
}

func decode(ctx context.Context, batch *sf.ArrowStreamBatch) ([]arrow.RecordBatch, error) {
	body, err := batch.GetStream(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = body.Close() }()
	plain, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	reader, err := ipc.NewReader(bytes.NewReader(plain))
	if err != nil {
		return nil, err
	}
	defer reader.Release()
	var records []arrow.RecordBatch
	for reader.Next() {
		record := reader.RecordBatch()
		record.Retain()
		records = append(records, record)
	}
	return records, reader.Err()
}

func at(instant time.Time) string {
	return fmt.Sprintf("AT(TIMESTAMP => '%s'::TIMESTAMP_TZ)", instant.Format("2006-01-02 15:04:05.000 -0700"))
}

const ctes = `WITH scope_brands AS (SELECT value::STRING AS brand FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?)))), ` +
	`scope_locations AS (SELECT value::STRING AS location_id FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?)))) `

const allBrands = `["Bella Pizza","Nova Fitness","Harbor Hotels"]`

func allLocations() string {
	names := make([]string, 60)
	for i := range names {
		names[i] = fmt.Sprintf(`"LOC-%04d"`, i)
	}
	return "[" + strings.Join(names, ",") + "]"
}

func transactions(instant time.Time, columns ...string) string {
	items := []string{"t.TRANSACTION_ID AS TRANSACTION_ID"}
	for _, c := range columns {
		items = append(items, "t."+c+" AS "+c)
	}
	return ctes + "SELECT " + strings.Join(items, ", ") + " FROM EXPORTS.ANALYTICS.FACT_TRANSACTIONS " + at(instant) +
		" AS t WHERE t.BRAND IN (SELECT brand FROM scope_brands) AND t.LOCATION_ID IN (SELECT location_id FROM scope_locations)"
}

func wantCode(t *testing.T, err error, code int, state string) {
	t.Helper()
	var refused *sf.SnowflakeError
	if !errors.As(err, &refused) || refused.Number != code || refused.SQLState != state {
		t.Errorf("got %v, want %06d/%s", err, code, state)
	}
}
